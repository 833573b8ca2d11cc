package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/calendar"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type calendarCommand struct {
	List   calendarListCommand   `cmd:"" help:"List freezes and promos, what is open now, and values that are to be put back."`
	Apply  calendarApplyCommand  `cmd:"" help:"Make the calendar what a file says: show what would change, ask, and do it."`
	Remove calendarRemoveCommand `cmd:"" help:"Take an entry away."`
	Check  calendarCheckCommand  `cmd:"" help:"Show which entries of a file are open at a time, without a server."`
}

type calendarListCommand struct {
	connection
	All    bool   `help:"Also what is over."`
	Output string `short:"o" help:"table or json." enum:"table,json" default:"table"`
}

func (c *calendarListCommand) Run(ctx context.Context, env environment) error {
	listed, err := listCalendar(ctx, c.connection, c.All)
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, listed)
	}
	if len(listed.GetEntries()) == 0 {
		fmt.Fprintln(out, "the calendar is empty: nothing is frozen and no promo runs")
	} else {
		var rows [][]string
		anywhere := false
		for _, e := range listed.GetEntries() {
			by := "revision"
			if !e.GetFromRevision() {
				by = fmt.Sprintf("%s, version %d", e.GetChangedBy(), e.GetVersion())
			}
			entry := grpcapi.CalendarEntry(e)
			anywhere = anywhere || entry.OnWall() && entry.TimeZone == ""
			rows = append(rows, append(append([]string{string(entry.Kind), clean(entry.ID)}, nowCells(out, entry.Kind, timesOf(e))...),
				clean(whenText(entry)), clean(cmp.Or(scopeText(entry.Scope), "everything")), clean(by), clean(aboutText(entry))))
		}
		if err := out.table([]string{"KIND", "ENTRY", "NOW", "UNTIL OR NEXT (UTC)", "WHEN", "WHERE", "BY", "WHAT"}, rows); err != nil {
			return err
		}
		if anywhere {
			fmt.Fprintf(out, "\nwhat is in the account's zone is shown as open while it is in any zone of the world; calendar check --zone says when it is in one\n")
		}
	}
	if len(listed.GetReverts()) == 0 {
		return nil
	}
	var rows [][]string
	for _, r := range listed.GetReverts() {
		state := "due"
		if r.GetOverdue() {
			state = out.colour(red, "overdue")
		}
		t := r.GetTarget()
		rows = append(rows, []string{state, timeCell(r.GetDueAt()), kindName(r.GetKind()), clean(fmt.Sprintf("%s/%s %s %s", t.GetPlatform(), t.GetAccount(), t.GetEntityType(), t.GetEntityId())),
			clean(valueText(r.GetBaseline())), clean(r.GetPromoId()), clean(r.GetDecisionId())})
	}
	fmt.Fprintf(out, "\nto be put back, or below:\n")
	return out.table([]string{"STATE", "BY (UTC)", "FIELD", "OF", "TO", "PROMO", "DECISION"}, rows)
}

func timesOf(e *bidrailv1.CalendarEntry) (times calendar.Times) {
	times.Open = e.GetOpen()
	if e.GetUntil() != nil {
		times.Until = e.GetUntil().AsTime()
	}
	if e.GetNext() != nil {
		times.Next = e.GetNext().AsTime()
	}
	return times
}

// nowCells is whether an entry is open, and when that changes.
func nowCells(out screen, kind calendar.Kind, times calendar.Times) []string {
	switch {
	case times.Open && kind == calendar.Freeze:
		return []string{out.colour(yellow, "open"), "until " + times.Until.UTC().Format(time.DateTime)}
	case times.Open:
		return []string{out.colour(green, "open"), "until " + times.Until.UTC().Format(time.DateTime)}
	case times.Over():
		return []string{out.colour(dim, "over"), ""}
	}
	return []string{"", "from " + times.Next.UTC().Format(time.DateTime)}
}

// whenText is when an entry is open, as it is written.
func whenText(e calendar.Entry) string {
	var parts []string
	if e.Every != nil {
		parts = append(parts, "every "+everyText(e.Every))
	}
	if e.Starts != "" {
		parts = append(parts, "from "+e.Starts)
	}
	if e.Ends != "" {
		parts = append(parts, "to "+e.Ends)
	}
	if e.OnWall() {
		parts = append(parts, "in "+cmp.Or(e.TimeZone, "the account's zone"))
	}
	return strings.Join(parts, " ")
}

func everyText(r *calendar.Recurrence) string {
	var parts []string
	if len(r.Weekdays) > 0 {
		parts = append(parts, strings.Join(r.Weekdays, ", "))
	}
	if len(r.MonthDays) > 0 {
		parts = append(parts, "day "+numbersText(r.MonthDays))
	}
	if len(r.Months) > 0 {
		parts = append(parts, "month "+numbersText(r.Months))
	}
	if len(parts) == 0 {
		parts = append(parts, "day")
	}
	if r.From != "" || r.Until != "" {
		parts = append(parts, cmp.Or(r.From, "00:00")+" to "+cmp.Or(r.Until, "00:00"))
	}
	return strings.Join(parts, ", ")
}

func numbersText(numbers []int) string {
	return strings.Join(mapped(numbers, strconv.Itoa), ", ")
}

func scopeText(s calendar.Scope) string {
	var parts []string
	for _, f := range []field{{"platform", s.Platform}, {"account", s.Account}, {"channel", s.Channel}, {"campaign", s.Campaign}} {
		if f.text != "" {
			parts = append(parts, f.name+" "+f.text)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		parts = append(parts, "label "+key+"="+s.Labels[key])
	}
	return strings.Join(parts, ", ")
}

// aboutText is what an entry does, and why.
func aboutText(e calendar.Entry) string {
	what := cmp.Or(e.Effect, "no raise")
	if e.RaisePPM > 0 {
		what = "+" + policy.FormatRatio(e.RaisePPM)
	}
	if e.InFlight == calendar.InFlightStop {
		what += ", stops what is under way"
	}
	if e.Reason != "" {
		what += ": " + e.Reason
	}
	return what
}

// entryFields is what an entry says, for a comparison.
func entryFields(e calendar.Entry) []field {
	fields := []field{{"kind", string(e.Kind)}, {"reason", e.Reason}, {"effect", e.Effect}, {"in_flight", e.InFlight}, {"raise", ""},
		{"starts", e.Starts}, {"ends", e.Ends}, {"time_zone", e.TimeZone}, {"every", ""}, {"scope", scopeText(e.Scope)}}
	if e.Kind == calendar.Freeze {
		fields[3].text = cmp.Or(e.InFlight, calendar.InFlightFinish)
	}
	if e.RaisePPM > 0 {
		fields[4].text = policy.FormatRatio(e.RaisePPM)
	}
	if e.Every != nil {
		fields[8].text = everyText(e.Every)
	}
	return fields
}

func listCalendar(ctx context.Context, c connection, all bool) (listed *bidrailv1.ListCalendarResponse, err error) {
	err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		listed, err = bidrailv1.NewRegistryServiceClient(conn).ListCalendar(ctx, &bidrailv1.ListCalendarRequest{IncludeEnded: all})
		return err
	})
	return listed, err
}

type calendarApplyCommand struct {
	connection
	File   string `short:"f" help:"What the calendar shall be, as freezes and promos of calendar/data.yaml, or - for standard input." required:"" placeholder:"FILE"`
	Prune  bool   `help:"Also take away entries that the file does not have. Those of the revision stay."`
	Reason string `help:"Why, for the record. Default: the name of the file." placeholder:"TEXT"`
	DryRun bool   `help:"Only show what would change: exit 0 nothing would, 2 something would."`
	Yes    bool   `short:"y" help:"Do not ask: what is shown now is what you mean."`
}

func (c *calendarApplyCommand) Run(ctx context.Context, env environment) error {
	wanted, err := readCalendar(env, c.File)
	if err != nil {
		return err
	}
	listed, err := listCalendar(ctx, c.connection, true)
	if err != nil {
		return err
	}
	there := map[string]*bidrailv1.CalendarEntry{}
	for _, e := range listed.GetEntries() {
		if !e.GetFromRevision() {
			there[e.GetEntryId()] = e
		} else if slices.ContainsFunc(wanted, func(entry calendar.Entry) bool { return entry.ID == e.GetEntryId() }) {
			return fmt.Errorf("%s: %s is declared in the active policy revision (calendar/data.yaml); edit it there, or choose another id", c.File, e.GetEntryId())
		}
	}
	var edits []edit
	var calls []func(context.Context, bidrailv1.RegistryServiceClient) error
	same := 0
	reason := cmp.Or(c.Reason, "apply "+c.File)
	for _, entry := range wanted {
		each := edit{noun: string(entry.Kind), id: entry.ID, after: entryFields(entry)}
		request := &bidrailv1.PutCalendarEntryRequest{Entry: grpcapi.CalendarEntryMessage(server.CalendarEntry{Entry: entry}), Reason: reason}
		if before := there[entry.ID]; before != nil {
			each.before, request.Version = entryFields(grpcapi.CalendarEntry(before)), before.GetVersion()
			delete(there, entry.ID)
		}
		if each.same() {
			same++
			continue
		}
		edits = append(edits, each)
		calls = append(calls, func(ctx context.Context, registry bidrailv1.RegistryServiceClient) error {
			_, err := registry.PutCalendarEntry(ctx, request)
			return err
		})
	}
	for _, id := range slices.Sorted(maps.Keys(there)) {
		if !c.Prune {
			continue
		}
		entry := grpcapi.CalendarEntry(there[id])
		edits = append(edits, edit{noun: string(entry.Kind), id: id, before: entryFields(entry)})
		calls = append(calls, func(ctx context.Context, registry bidrailv1.RegistryServiceClient) error {
			_, err := registry.RemoveCalendarEntry(ctx, &bidrailv1.RemoveCalendarEntryRequest{EntryId: id, Reason: reason})
			return err
		})
	}
	out := newScreen(env.stdout, env)
	count, err := printEdits(out, edits)
	if err != nil {
		return err
	}
	notes := []string{}
	if same > 0 {
		notes = append(notes, fmt.Sprintf("%d as they are", same))
	}
	if !c.Prune && len(there) > 0 {
		notes = append(notes, fmt.Sprintf("%d not in the file stay; --prune takes them away", len(there)))
	}
	fmt.Fprintf(env.stderr, "%d to change%s\n", count, strings.Join(append([]string{""}, notes...), "; "))
	switch {
	case count == 0:
		return nil
	case c.DryRun:
		return exitCode(exitApproval)
	}
	if err := confirm(env, c.Yes, "apply it", ", or --dry-run to only look"); err != nil {
		return err
	}
	for i, call := range calls {
		err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			return call(ctx, bidrailv1.NewRegistryServiceClient(conn))
		})
		if err != nil {
			fmt.Fprintf(env.stderr, "%s was not applied, and %d of %d were before it; apply the file again for the rest\n", clean(edits[i].id), i, len(calls))
			return err
		}
	}
	_, err = fmt.Fprintf(out, "applied, in effect now: %d\n", count)
	return err
}

// readCalendar reads freezes and promos of a file.
func readCalendar(env environment, name string) ([]calendar.Entry, error) {
	input := env.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%w; name a file of freezes and promos, or - for standard input", err)
		}
		defer file.Close()
		input = file
	}
	content, err := io.ReadAll(io.LimitReader(input, 8<<20))
	if err != nil {
		return nil, err
	}
	document, err := decodeYAML(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	entries, err := calendar.DecodeEntries(document)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), policy.ErrInvalid.Error()+": "))
	}
	return entries, nil
}

// decodeYAML reads one document as what it says: times stay as they are written, for a time without a zone is none in UTC.
func decodeYAML(content []byte) (document any, err error) {
	var node yaml.Node
	if err := yaml.Unmarshal(content, &node); err != nil {
		return nil, err
	}
	if node.IsZero() {
		return nil, errors.New("it is empty")
	}
	timesAsWritten(&node)
	err = node.Decode(&document)
	return document, err
}

type calendarRemoveCommand struct {
	connection
	ID     string `arg:"" help:"The entry's id."`
	Reason string `help:"Why, for the record." required:"" placeholder:"TEXT"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *calendarRemoveCommand) Run(ctx context.Context, env environment) error {
	var removed *bidrailv1.CalendarEntry
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		removed, err = bidrailv1.NewRegistryServiceClient(conn).RemoveCalendarEntry(ctx, &bidrailv1.RemoveCalendarEntryRequest{EntryId: c.ID, Reason: c.Reason})
		return err
	})
	if err != nil {
		return err
	}
	return printOne(env, c.Output, removed, fmt.Sprintf("%s is taken away, in effect now; its versions stay on the record\n", clean(removed.GetEntryId())))
}

type calendarCheckCommand struct {
	File string    `short:"f" help:"Freezes and promos, or - for standard input." required:"" placeholder:"FILE"`
	At   time.Time `help:"When, as 2026-11-27T12:00:00Z. Default: now." placeholder:"TIME"`
	Zone string    `help:"The account's time zone, for entries that have none. Default: any zone of the world." placeholder:"ZONE"`
}

func (c *calendarCheckCommand) Run(env environment) error {
	entries, err := readCalendar(env, c.File)
	if err != nil {
		return err
	}
	var zone *time.Location
	if c.Zone != "" {
		if zone, err = time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
			return fmt.Errorf("--zone %q: write an IANA name such as Europe/Berlin", c.Zone)
		}
	}
	if c.At.IsZero() {
		c.At = time.Now()
	}
	out := newScreen(env.stdout, env)
	var rows [][]string
	for _, entry := range entries {
		times, err := entry.Times(zone, c.At)
		if err != nil {
			return err
		}
		next := ""
		if !times.Next.IsZero() {
			next = times.Next.UTC().Format(time.DateTime)
		}
		cells := nowCells(out, entry.Kind, times)
		until, open := strings.CutPrefix(cells[1], "until ")
		if !open {
			until = ""
		}
		rows = append(rows, []string{string(entry.Kind), clean(entry.ID), cells[0], until, next, clean(whenText(entry))})
	}
	return out.table([]string{"KIND", "ENTRY", "THEN", "UNTIL (UTC)", "NEXT (UTC)", "WHEN"}, rows)
}
