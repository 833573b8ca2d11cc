package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/client"
	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type factsCommand struct {
	Put  factsPutCommand  `cmd:"" help:"Bring what a connector has observed."`
	List factsListCommand `cmd:"" help:"List what connectors have observed, and how old it is."`
}

type factsPutCommand struct {
	connection
	File   string `short:"f" help:"Facts as JSON, one after another, or as CSV with a heading; - for standard input." default:"-" placeholder:"FILE"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

// Help is shown by bidrail facts put --help.
func (c *factsPutCommand) Help() string {
	return `A fact of a CSV file is a line under a heading, which names the columns in any order:

  platform,account,entity_type,entity_id,name,value,observed_at,complete_through,maximum_age,source
  google_ads,example,campaign,101,spend_today,12.50 USD,2026-03-02T14:55:00Z,2026-03-02T12:00:00Z,3h,google_ads.report
  google_ads,example,keyword,7,conversion_rate,3.5%,2026-03-02T06:00:00Z,,,google_ads.report
  google_ads,example,keyword,7,clicks_30d,1240x,2026-03-02T06:00:00Z,,,google_ads.report
  google_ads,example,account,example,tracking_status,ok,2026-03-02T14:50:00Z,,,tag_monitor

A value is money (12.50 USD), a ratio (35%, 12.5x or 350000ppm; counts are ratios: 1240x), true or false, unlimited, or else text
(text:true is the text). complete_through and maximum_age may be empty; platform and account are empty for an automation.

The same as JSON, as the API takes it:

  {"entity": {"platform": "google_ads", "account": "example", "entity_type": "campaign", "entity_id": "101"}, "name": "spend_today",
   "value": {"money": {"micros": "12500000", "currency": "USD"}}, "observed_at": "2026-03-02T14:55:00Z", "maximum_age": "10800s",
   "source": "google_ads.report"}

More than 10,000 facts are put in several calls, each of which is stored whole or not at all. To put the same again does no harm.`
}

// placedFact is a fact with where it was read.
type placedFact struct {
	fact *bidrailv1.EntityFact
	line int
}

func (c *factsPutCommand) Run(ctx context.Context, env environment) error {
	facts, err := c.read(env)
	if err != nil {
		return err
	}
	total := &bidrailv1.PutFactsResponse{}
	for part := range slices.Chunk(facts, server.MaxFacts) {
		request := &bidrailv1.PutFactsRequest{}
		for _, each := range part {
			request.Facts = append(request.Facts, each.fact)
		}
		err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			response, err := bidrailv1.NewRegistryServiceClient(conn).PutFacts(ctx, request)
			total.Stored, total.Outdated = total.GetStored()+response.GetStored(), total.GetOutdated()+response.GetOutdated()
			return err
		})
		if err != nil {
			if total.GetStored()+total.GetOutdated() > 0 {
				fmt.Fprintf(env.stderr, "the first %d facts were put; of those after them none\n", total.GetStored()+total.GetOutdated())
			}
			return c.placed(err, part)
		}
	}
	text := fmt.Sprintf("%s stored", plural(int(total.GetStored()), "fact"))
	if total.GetOutdated() > 0 {
		text += fmt.Sprintf(", and %d observed no later than what is there", total.GetOutdated())
	}
	return printOne(env, c.Output, total, text+"\n")
}

// factIndex is how an error names a fact of the call.
var factIndex = regexp.MustCompile(`facts\[(\d+)\]`)

// placed says where the fact is that the service does not take.
func (c *factsPutCommand) placed(err error, part []placedFact) error {
	found := factIndex.FindStringSubmatch(status.Convert(err).Message())
	if found == nil || status.Code(err) != codes.InvalidArgument {
		return err
	}
	at, bad := strconv.Atoi(found[1])
	if bad != nil || at >= len(part) {
		return err
	}
	return fmt.Errorf("%s:%d: %s", c.File, part[at].line, describe(err))
}

func (c *factsPutCommand) read(env environment) ([]placedFact, error) {
	input := env.stdin
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return nil, fmt.Errorf("%w; name a file of facts, or - for standard input", err)
		}
		defer file.Close()
		input = file
	}
	content, err := io.ReadAll(io.LimitReader(input, maxInputBytes))
	if err != nil {
		return nil, err
	}
	read := c.readCSV
	if trimmed := bytes.TrimLeft(content, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		read = c.readJSON
	}
	facts, err := read(content)
	if err == nil && len(facts) == 0 {
		err = fmt.Errorf("%s: there are no facts in it (bidrail facts put --help shows some)", c.File)
	}
	return facts, err
}

func (c *factsPutCommand) readJSON(content []byte) ([]placedFact, error) {
	counted := &lineCounter{r: bytes.NewReader(content)}
	decoder := json.NewDecoder(counted)
	var facts []placedFact
	for {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return facts, nil
		}
		if err != nil {
			at := counted.offset
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				at = syntax.Offset
			}
			return nil, fmt.Errorf("%s:%d: not JSON: %v; a fact looks like the one in bidrail facts put --help", c.File, counted.lineAt(at), err)
		}
		first := counted.lineAt(decoder.InputOffset() - int64(len(raw)))
		fact := &bidrailv1.EntityFact{}
		if err := (protojson.UnmarshalOptions{}).Unmarshal(raw, fact); err != nil {
			within, problem := readable(err)
			return nil, fmt.Errorf("%s:%d: fact %d: %s", c.File, first+within, len(facts)+1, problem)
		}
		facts = append(facts, placedFact{fact, first})
	}
}

// factColumns are the columns of a CSV file, and how each is read. Those that may be left out are in factOptional.
var (
	factColumns = map[string]func(*bidrailv1.EntityFact, string) error{
		"platform":    func(f *bidrailv1.EntityFact, cell string) error { f.Entity.Platform = cell; return nil },
		"account":     func(f *bidrailv1.EntityFact, cell string) error { f.Entity.Account = cell; return nil },
		"entity_type": func(f *bidrailv1.EntityFact, cell string) error { f.Entity.EntityType = cell; return nil },
		"entity_id":   func(f *bidrailv1.EntityFact, cell string) error { f.Entity.EntityId = cell; return nil },
		"name":        func(f *bidrailv1.EntityFact, cell string) error { f.Name = cell; return nil },
		"source":      func(f *bidrailv1.EntityFact, cell string) error { f.Source = cell; return nil },
		"value": func(f *bidrailv1.EntityFact, cell string) (err error) {
			f.Value, err = factValue(cell)
			return err
		},
		"observed_at": func(f *bidrailv1.EntityFact, cell string) (err error) {
			f.ObservedAt, err = factTime(cell)
			return err
		},
		"complete_through": func(f *bidrailv1.EntityFact, cell string) (err error) {
			f.CompleteThrough, err = factTime(cell)
			return err
		},
		"maximum_age": func(f *bidrailv1.EntityFact, cell string) error {
			age, err := time.ParseDuration(cell)
			if err != nil || age <= 0 {
				return fmt.Errorf("%q is no length of time; write 3h or 15m", cell)
			}
			f.MaximumAge = durationpb.New(age)
			return nil
		},
	}
	factOptional = []string{"platform", "account", "complete_through", "maximum_age"}
)

func (c *factsPutCommand) readCSV(content []byte) ([]placedFact, error) {
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff")))) // spreadsheets write a mark at the beginning
	heading, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: not CSV: %w", c.File, err)
	}
	for i, column := range heading {
		if factColumns[column] == nil || slices.Contains(heading[:i], column) {
			return nil, fmt.Errorf("%s:1: there is no column %q, or it is there twice; the columns are platform, account, entity_type, entity_id, name, value, observed_at, complete_through, maximum_age and source",
				c.File, column)
		}
	}
	for _, column := range slices.Sorted(maps.Keys(factColumns)) {
		if !slices.Contains(heading, column) && !slices.Contains(factOptional, column) {
			return nil, fmt.Errorf("%s:1: the column %s is missing", c.File, column)
		}
	}
	var facts []placedFact
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return facts, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: not CSV: %w", c.File, err)
		}
		fact := &bidrailv1.EntityFact{Entity: &bidrailv1.Entity{}}
		line, _ := reader.FieldPos(0)
		for i, cell := range row {
			if cell == "" && slices.Contains(factOptional, heading[i]) {
				continue
			}
			if err := factColumns[heading[i]](fact, cell); err != nil {
				line, _ := reader.FieldPos(i)
				return nil, fmt.Errorf("%s:%d: %s: %w", c.File, line, heading[i], err)
			}
		}
		facts = append(facts, placedFact{fact, line})
	}
}

func factTime(text string) (*timestamppb.Timestamp, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return nil, fmt.Errorf("%q is no time; write 2026-03-02T14:55:00Z", text)
	}
	return timestamppb.New(at), nil
}

var (
	amountWithUnit = regexp.MustCompile(`^([-+0-9.,]+) ?(%|x|ppm|[A-Z]{3})$`)
	bareAmount     = regexp.MustCompile(`^[-+]?[0-9][0-9.,]*$`)
)

// factValue reads a value as people write it.
func factValue(text string) (*bidrailv1.Value, error) {
	if word, ok := strings.CutPrefix(text, "text:"); ok {
		return client.Text(word), nil
	}
	switch text {
	case "":
		return nil, errors.New("is missing; what is not known is not put")
	case "true", "false":
		return client.Flag(text == "true"), nil
	case "unlimited":
		return client.Unlimited(), nil
	}
	if bareAmount.MatchString(text) {
		return nil, fmt.Errorf("%q has no unit; write %s%%, %sx for a factor or a count, or %s USD", text, text, text, text)
	}
	parts := amountWithUnit.FindStringSubmatch(text)
	if parts == nil {
		return client.Text(text), nil
	}
	amount, unit := parts[1], parts[2]
	switch unit {
	case "ppm":
		ppm, err := strconv.ParseInt(amount, 10, 64)
		if err != nil || ppm < 0 {
			return nil, fmt.Errorf("%q is no number of parts per million; write 350000ppm", text)
		}
		return client.Ratio(ppm), nil
	case "%", "x":
		// The same digits, and the same millionths, as of an amount of money.
		read, err := client.ParseMoney(amount, "USD")
		if err != nil {
			return nil, err
		}
		ppm := read.GetMoney().GetMicros()
		if unit == "%" {
			if ppm%100 != 0 {
				return nil, fmt.Errorf("%q is finer than a millionth; round it first", text)
			}
			ppm /= 100
		}
		return client.Ratio(ppm), nil
	default:
		return client.ParseMoney(amount, unit)
	}
}

type factsListCommand struct {
	connection
	Platform   string `help:"Of an account of this platform; together with --account."`
	Account    string `help:"Of this account; together with --platform."`
	EntityType string `help:"Of this type of entity; together with --platform and --account, but for automation."`
	EntityID   string `help:"Of this entity; together with --entity-type."`
	Name       string `help:"Of this name only."`
	Limit      int    `short:"n" help:"At most so many; 0 for all." default:"50"`
	Output     string `short:"o" help:"table or json." enum:"table,json" default:"table"`
}

func (c *factsListCommand) Run(ctx context.Context, env environment) error {
	all := &bidrailv1.ListFactsResponse{}
	var err error
	all.Facts, all.NextPageToken, err = fetchPages(c.Limit, func(size int32, token string) (facts []*bidrailv1.EntityFact, next string, err error) {
		err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			page, err := bidrailv1.NewRegistryServiceClient(conn).ListFacts(ctx, &bidrailv1.ListFactsRequest{Platform: c.Platform, Account: c.Account,
				EntityType: c.EntityType, EntityId: c.EntityID, Name: c.Name, PageSize: size, PageToken: token})
			facts, next = page.GetFacts(), page.GetNextPageToken()
			return err
		})
		return facts, next, err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	switch {
	case c.Output == "json":
		return printJSON(out, all)
	case len(all.GetFacts()) == 0:
		_, err := fmt.Fprintln(out, "no facts match: what nobody has observed is unknown, and never zero")
		return err
	}
	if err := printFacts(out, all.GetFacts(), time.Now()); err != nil {
		return err
	}
	if all.GetNextPageToken() != "" {
		fmt.Fprintf(env.stderr, "there are more; --limit 0 shows all\n")
	}
	return nil
}

func printFacts(out screen, facts []*bidrailv1.EntityFact, now time.Time) error {
	var rows [][]string
	stale := 0
	for _, f := range facts {
		age := span(max(0, now.Sub(f.GetObservedAt().AsTime())))
		if f.GetStale() {
			stale++
			age = out.colour(red, age+", stale")
		}
		rows = append(rows, []string{entityName(f.GetEntity()), clean(f.GetName()), clean(factText(f.GetValue())), age, timeCell(f.GetCompleteThrough()), clean(f.GetPutBy()), clean(f.GetSource())})
	}
	if err := out.table([]string{"ENTITY", "FACT", "VALUE", "AGE", "COMPLETE THROUGH (UTC)", "BY", "SOURCE"}, rows); err != nil {
		return err
	}
	if stale == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\n%s stale: rules take what is stale for unknown\n", map[bool]string{true: "one is", false: fmt.Sprintf("%d are", stale)}[stale == 1])
	return err
}

func entityName(entity *bidrailv1.Entity) string {
	name := entity.GetEntityType() + " " + entity.GetEntityId()
	if entity.GetPlatform() != "" {
		name = entity.GetPlatform() + "/" + entity.GetAccount() + " " + name
	}
	return clean(name)
}

// factText is a value for people, as factValue reads it: what is more than all of something is a factor or a count.
func factText(value *bidrailv1.Value) string {
	read := grpcapi.Value(value)
	if read.Form != policy.Ratio || read.Amount <= 1_000_000 {
		return read.String()
	}
	whole, rest := read.Amount/1_000_000, read.Amount%1_000_000
	text := strconv.FormatInt(whole, 10)
	if rest != 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%06d", rest), "0")
	}
	return text + "x"
}
