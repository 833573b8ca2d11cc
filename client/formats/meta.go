package formats

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// meta reads updates of ad sets and campaigns as the Marketing API takes them: a batch of the Graph API (a list of method, relative_url
// and body, or an object that has it as "batch"), or one update as an object with its id. Amounts are in Meta's own minor units.
//
// A Graph id does not say what it is of, so the context has to.
type meta struct{}

func (meta) name() string { return "meta" }

var metaResources = []*resource{
	{entityType: "ad_set", identifiers: []string{"campaign_id"}, fields: []field{
		{"daily_budget", bidrailv1.Kind_KIND_DAILY_BUDGET, minor, notKnown, notKnown},
		{"lifetime_budget", bidrailv1.Kind_KIND_LIFETIME_BUDGET, minor, notKnown, notKnown},
		{"bid_amount", bidrailv1.Kind_KIND_BID, minor, notKnown, notKnown},
		{"bid_constraints.roas_average_floor", bidrailv1.Kind_KIND_TARGET_ROAS, tenThousandths, isAbsent, notKnown},
		{"bid_strategy", bidrailv1.Kind_KIND_BID_STRATEGY, word, itself, notKnown},
		{"status", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown},
		{"name", bidrailv1.Kind_KIND_NAME, name, itself, notKnown},
	}},
	{entityType: "campaign", fields: []field{
		{"daily_budget", bidrailv1.Kind_KIND_DAILY_BUDGET, minor, notKnown, notKnown},
		{"lifetime_budget", bidrailv1.Kind_KIND_LIFETIME_BUDGET, minor, notKnown, notKnown},
		{"bid_strategy", bidrailv1.Kind_KIND_BID_STRATEGY, word, itself, notKnown},
		{"status", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown},
		{"name", bidrailv1.Kind_KIND_NAME, name, itself, notKnown},
	}},
}

// A campaign may have a lifetime budget and a spend cap, two values of one kind, so the cap is an entity of its own with the campaign's
// id.
var metaCap = field{"spend_cap", bidrailv1.Kind_KIND_LIFETIME_BUDGET, minorCap, notKnown, notKnown}

const metaCapType = "spend_cap"

func (m meta) read(r *reader, root *node) error {
	batch := root
	if root.kind == '{' {
		if batch = root.get("batch"); batch == nil {
			return m.update(r, root, root, "")
		}
		for _, each := range root.members {
			// A token is no part of what is judged, and is written back as it was.
			if !slices.Contains([]string{"batch", "access_token", "include_headers"}, each.name) {
				return fmt.Errorf("payload: %q is not understood beside batch", shorten(each.name))
			}
		}
	}
	if batch.kind != '[' {
		return fmt.Errorf("payload: the batch is %s and not a list", batch.what())
	}
	for _, each := range batch.items {
		if each.kind != '{' {
			return r.refused("", fmt.Errorf("it is %s and not an object", each.what()))
		}
		if each.get("relative_url") == nil { // one update as an object
			if err := m.update(r, each, each, ""); err != nil {
				return err
			}
			continue
		}
		if err := m.request(r, each); err != nil {
			return err
		}
	}
	return nil
}

// request reads one request of a batch.
func (m meta) request(r *reader, n *node) error {
	var id string
	var body *node
	for _, each := range n.members {
		if each.value.kind != '"' {
			return r.refused("", fmt.Errorf("%s is %s and not a text", shorten(each.name), each.value.what()))
		}
		switch each.name {
		case "method":
			if each.value.text != "POST" {
				return r.refused("", fmt.Errorf("the method %s is not understood; an update is a POST", shorten(each.value.text)))
			}
		case "relative_url":
			if id = metaPath(each.value.text); id == "" {
				return r.refused("", fmt.Errorf("%q is not understood; the relative_url of an update is the id", shorten(each.value.text)))
			}
		case "body":
			body = each.value
		default:
			return r.refused("", fmt.Errorf("%s is not understood; a request has method, relative_url and body", shorten(each.name)))
		}
	}
	if n.get("method") == nil || body == nil {
		return r.refused(id, errors.New("an update has a method, POST, and a body"))
	}
	update, err := metaForm(body.text)
	if err != nil {
		return r.refused(id, err)
	}
	return m.update(r, n, update, id)
}

// metaPath is the id that a relative_url is; "": it is something else, such as an edge that creates.
func metaPath(path string) string {
	path = strings.TrimPrefix(path, "/")
	if version, rest, both := strings.Cut(path, "/"); both {
		if !strings.HasPrefix(version, "v") || strings.Trim(version[1:], "0123456789.") != "" {
			return ""
		}
		path = rest
	}
	if !digits(path) {
		return ""
	}
	return path
}

// metaForm reads a body that is encoded like a form. Each value is a text; what is nested is JSON in it.
func metaForm(body string) (*node, error) {
	n := &node{kind: '{'}
	for pair := range strings.SplitSeq(body, "&") {
		key, value, both := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(key)
		if err != nil || !both || name == "" {
			return nil, fmt.Errorf("the body is not understood at %q", shorten(pair))
		}
		plain, err := url.QueryUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("the body is not understood at %q", shorten(pair))
		}
		held := &node{kind: '"', text: plain}
		if strings.HasPrefix(plain, "{") || strings.HasPrefix(plain, "[") {
			if held, err = parse([]byte(plain)); err != nil {
				return nil, fmt.Errorf("%s: %w", shorten(name), err)
			}
		}
		n.members = append(n.members, member{name, held})
	}
	return n, unique(n.members)
}

// update reads one update. at is the operation in the payload; id is empty where the update says it itself.
func (m meta) update(r *reader, at, update *node, id string) error {
	if id == "" {
		var err error
		if id, err = update.get("id").id(); err != nil {
			return r.refused("", fmt.Errorf("id: %w; without it nobody knows what is updated", err))
		}
	} else if update.get("id") != nil {
		return r.refused(id, errors.New("it has an id beside that of its relative_url"))
	}
	understood, err := m.typeOf(r, id)
	if err != nil {
		return r.refused(id, err)
	}
	target := &bidrailv1.Target{Platform: "meta", EntityType: understood.entityType, EntityId: id}
	if understood.entityType == "campaign" {
		target.Campaign = id
	} else {
		target.AdGroup = id
		if n := update.get("campaign_id"); n != nil {
			if target.Campaign, err = n.id(); err != nil {
				return r.refused(id, fmt.Errorf("campaign_id: %w", err))
			}
		}
	}
	of := entity{understood.entityType + "/" + id, target}
	var dates []string
	present := map[string]*node{}
	edits, err := r.update(update, understood, of, func(path string, n *node) ([]edit, bool, error) {
		switch {
		case path == "id":
			return nil, true, nil
		case path == metaCap.path && understood.entityType == "campaign":
			after, err := metaCap.read(r.units, n)
			capped := &bidrailv1.Target{Platform: "meta", EntityType: metaCapType, EntityId: id, Campaign: id}
			return []edit{{entity{metaCapType + "/" + id, capped}, metaCap.kind, after, []string{path}}}, true, err
		case path == "start_time" || path == "end_time":
			dates, present[path] = append(dates, path), n
			return nil, true, nil
		}
		return nil, false, nil
	})
	if err == nil {
		var flight []edit
		flight, err = r.flight(of, dates, "start_time", "end_time", present)
		edits = append(edits, flight...)
	}
	if err == nil {
		edits, err = m.budgets(r, of, edits)
	}
	if err != nil {
		return r.refused(understood.entityType+" "+id, err)
	}
	return r.operation(understood.entityType+" "+id, at, edits)
}

// typeOf says what an id is of.
func (meta) typeOf(r *reader, id string) (*resource, error) {
	var found *resource
	for _, each := range metaResources {
		capped := each.entityType == "campaign" && r.known(metaCapType+"/"+id) != nil
		if r.known(each.entityType+"/"+id) == nil && !capped {
			continue
		}
		if found != nil {
			return nil, errors.New("the context says that it is an ad set and that it is a campaign")
		}
		found = each
	}
	if found == nil {
		return nil, errors.New("an id of Meta does not say what it is of; add it to the context's resources with the type ad_set or campaign")
	}
	return found, nil
}

// budgets sees a switch between a daily and a lifetime budget: an entity has one of them.
func (meta) budgets(r *reader, of entity, edits []edit) ([]edit, error) {
	var set []bidrailv1.Kind
	for _, each := range edits {
		if each.entity.key == of.key && (each.kind == bidrailv1.Kind_KIND_DAILY_BUDGET || each.kind == bidrailv1.Kind_KIND_LIFETIME_BUDGET) {
			set = append(set, each.kind)
		}
	}
	if len(set) == 0 {
		return edits, nil
	}
	if len(set) == 2 {
		return nil, errors.New("it sets daily_budget and lifetime_budget, and has only one of them")
	}
	other := bidrailv1.Kind_KIND_DAILY_BUDGET + bidrailv1.Kind_KIND_LIFETIME_BUDGET - set[0]
	if held, _ := r.context.before(r.known(of.key), other); held.GetMoney() == nil {
		return edits, nil
	}
	known := r.known(of.key)
	names := map[bidrailv1.Kind]string{bidrailv1.Kind_KIND_DAILY_BUDGET: "daily", bidrailv1.Kind_KIND_LIFETIME_BUDGET: "lifetime"}
	if own, _ := r.context.before(known, set[0]); own.GetMoney() != nil {
		return nil, errors.New("the context says that it has a daily and a lifetime budget, and it has only one of them")
	}
	return append(edits, edit{of, bidrailv1.Kind_KIND_BUDGET_TYPE, text(names[set[0]]), []string{names[set[0]] + "_budget"}}), nil
}

func (meta) owner(target *bidrailv1.Target) (string, error) {
	switch target.GetEntityType() {
	case "ad_set":
		return "ad_set " + target.GetEntityId(), nil
	case "campaign", metaCapType:
		return "campaign " + target.GetEntityId(), nil
	}
	return "", fmt.Errorf("there is no update of a %q for Meta", target.GetEntityType())
}

func (m meta) write(w *writer, operations [][]*bidrailv1.Change) (string, error) {
	var written []string
	for i, changes := range operations {
		owner, err := m.owner(changes[0].GetTarget())
		if err != nil {
			return "", failed(i, err)
		}
		entityType, id, _ := strings.Cut(owner, " ")
		understood := metaResources[slices.IndexFunc(metaResources, func(each *resource) bool { return each.entityType == entityType })]
		update := &object{}
		if err := update.set("id", quote(id)); err != nil {
			return "", failed(i, err)
		}
		for _, change := range changes {
			switch {
			case change.GetKind() == bidrailv1.Kind_KIND_FLIGHT_DATES:
				_, err = writeFlight(update, change, "start_time", "end_time", "")
			case change.GetTarget().GetEntityType() == metaCapType:
				err = w.set(update, &resource{entityType: metaCapType, fields: []field{metaCap}}, change)
			case change.GetKind() == bidrailv1.Kind_KIND_BUDGET_TYPE && len(changes) > 1:
				continue // the budget itself says it
			default:
				err = w.set(update, understood, change)
			}
			if err != nil {
				return "", failed(i, err)
			}
		}
		written = append(written, update.String())
	}
	return list(written), nil
}
