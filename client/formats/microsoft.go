package formats

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// microsoft reads the bodies of the Campaign Management service's updates, version 13, as REST writes them: Campaigns with their
// AccountId, AdGroups with their CampaignId, Keywords with their AdGroupId. Amounts are doubles of the account's currency; they are read
// as the decimals that they are written as.
type microsoft struct{}

func (microsoft) name() string { return "microsoft" }

type microsoftList struct {
	resource
	name, parent string // the list, and the member beside it that says what its items are in
}

// The parts of bidding schemes. A scheme is sent whole, so a limit that one leaves out is taken to be taken away.
var microsoftSchemes = []field{
	{"BiddingScheme.MaxCpc.Amount", bidrailv1.Kind_KIND_BID_LIMIT, decimal, isNoLimit, isNoLimit},
	{"BiddingScheme.TargetCpa", bidrailv1.Kind_KIND_TARGET_CPA, decimal, isAbsent, isAbsent},
	{"BiddingScheme.TargetRoas", bidrailv1.Kind_KIND_TARGET_ROAS, factor, isAbsent, isAbsent},
}

const microsoftStrategy = "BiddingScheme.Type"

var (
	microsoftTypes = []string{"EnhancedCpc", "ManualCpc", "MaxClicks", "MaxConversions", "MaxConversionValue", "TargetCpa", "TargetRoas"}
	microsoftName  = field{"Name", bidrailv1.Kind_KIND_NAME, name, itself, notKnown}
	microsoftState = field{"Status", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown}
)

var microsoftLists = []*microsoftList{
	{name: "Campaigns", parent: "AccountId", resource: resource{entityType: "campaign", fields: append([]field{microsoftState, microsoftName,
		{"DailyBudget", bidrailv1.Kind_KIND_DAILY_BUDGET, decimal, itself, notKnown},
		{"BudgetType", bidrailv1.Kind_KIND_PACING, word, itself, notKnown}, // DailyBudgetStandard, DailyBudgetAccelerated
		{microsoftStrategy, bidrailv1.Kind_KIND_BID_STRATEGY, word, itself, notKnown},
	}, microsoftSchemes...)}},
	{name: "AdGroups", parent: "CampaignId", resource: resource{entityType: "ad_group", fields: append([]field{microsoftState, microsoftName,
		{"CpcBid.Amount", bidrailv1.Kind_KIND_DEFAULT_BID, decimal, notKnown, isAbsent},
		{microsoftStrategy, bidrailv1.Kind_KIND_BID_STRATEGY, word, itself, notKnown},
	}, microsoftSchemes...)}},
	{name: "Keywords", parent: "AdGroupId", resource: resource{entityType: "keyword", fields: []field{microsoftState,
		{"Bid.Amount", bidrailv1.Kind_KIND_BID, decimal, notKnown, isAbsent}, // without one the ad group's holds
	}}},
}

func (m microsoft) read(r *reader, root *node) error {
	if root.kind != '{' {
		return fmt.Errorf("payload: it is %s and not an object", root.what())
	}
	var of *microsoftList
	var items, parent *node
	for _, each := range microsoftLists {
		if items = root.get(each.name); items != nil {
			of = each
			break
		}
	}
	if of == nil || items.kind != '[' {
		return errors.New("payload: there is no list of Campaigns, AdGroups or Keywords in it")
	}
	for _, each := range root.members {
		switch each.name {
		case of.name:
		case of.parent:
			parent = each.value
		default:
			return fmt.Errorf("payload: %q is not understood beside %s", shorten(each.name), of.name)
		}
	}
	within, err := parent.id()
	if err != nil {
		return fmt.Errorf("payload: %s: %w", of.parent, err)
	}
	if of.parent == "AccountId" {
		if err := r.accountIs(parent); err != nil {
			return fmt.Errorf("payload: %w", err)
		}
	}
	for _, item := range items.items {
		id, err := item.get("Id").id()
		if err != nil {
			return r.refused("", fmt.Errorf("the Id: %w; without it nobody knows what is updated", err))
		}
		edits, err := m.edits(r, of, within, id, item)
		if err != nil {
			return r.refused(of.entityType+" "+id, err)
		}
		if err := r.operation(of.entityType+" "+id, item, edits); err != nil {
			return err
		}
	}
	return nil
}

func (m microsoft) edits(r *reader, of *microsoftList, within, id string, item *node) ([]edit, error) {
	target := &bidrailv1.Target{Platform: "microsoft", EntityType: of.entityType, EntityId: id}
	switch of.entityType {
	case "campaign":
		target.Campaign = id
	case "ad_group":
		target.Campaign, target.AdGroup = within, id
	case "keyword":
		target.AdGroup = within
	}
	entity := entity{of.entityType + "/" + id, target}
	strategy := ""
	edits, err := r.update(item, &of.resource, entity, func(path string, n *node) ([]edit, bool, error) {
		switch path {
		case "Id":
			return nil, true, nil
		case microsoftStrategy:
			if strategy = strings.TrimSuffix(n.text, "BiddingScheme"); n.kind != '"' || !slices.Contains(microsoftTypes, strategy) {
				return nil, true, fmt.Errorf("%q is not understood; these are: %s", shorten(n.text), strings.Join(microsoftTypes, ", "))
			}
			if r.holds(entity.key, bidrailv1.Kind_KIND_BID_STRATEGY) == strategy {
				return nil, true, nil
			}
			return []edit{{entity, bidrailv1.Kind_KIND_BID_STRATEGY, text(strategy), []string{path}}}, true, nil
		}
		return nil, false, nil
	})
	if err != nil || item.get("BiddingScheme") == nil {
		return edits, err
	}
	if strategy == "" {
		return nil, errors.New("the BiddingScheme has no Type, so nobody knows what it would be")
	}
	return m.left(r, entity, edits), nil
}

// left adds the limits that a scheme leaves out and that the context says are there.
func (microsoft) left(r *reader, of entity, edits []edit) []edit {
	for i := range microsoftSchemes {
		field := &microsoftSchemes[i]
		before, _ := r.context.before(r.known(of.key), field.kind)
		written := slices.ContainsFunc(edits, func(each edit) bool { return each.kind == field.kind })
		if after, err := field.nothing(); err == nil && !written && (before.GetMoney() != nil || before.GetValue() != nil && field.isRatio() && before.GetAbsent() == nil) {
			edits = append(edits, edit{of, field.kind, after, []string{field.path}})
		}
	}
	return edits
}

func (microsoft) owner(target *bidrailv1.Target) (string, error) {
	for _, each := range microsoftLists {
		if each.entityType == target.GetEntityType() {
			return each.entityType + " " + target.GetEntityId(), nil
		}
	}
	return "", fmt.Errorf("there is no update of a %q on Microsoft Advertising", target.GetEntityType())
}

func (m microsoft) write(w *writer, operations [][]*bidrailv1.Change) (string, error) {
	var written []string
	var of *microsoftList
	within := ""
	for i, changes := range operations {
		target := changes[0].GetTarget()
		at := slices.IndexFunc(microsoftLists, func(each *microsoftList) bool { return each.entityType == target.GetEntityType() })
		if at < 0 {
			return "", failed(i, fmt.Errorf("there is no update of a %q", target.GetEntityType()))
		}
		parent := map[string]string{"Campaigns": target.GetAccount(), "AdGroups": target.GetCampaign(), "Keywords": target.GetAdGroup()}[microsoftLists[at].name]
		if parent == "" {
			return "", failed(i, fmt.Errorf("the target does not say its %s", microsoftLists[at].parent))
		}
		if of != nil && (of != microsoftLists[at] || within != parent) {
			return "", failed(i, fmt.Errorf("one call updates %s of one %s; write the others one after another", of.name, of.parent))
		}
		of, within = microsoftLists[at], parent
		update := &object{}
		if err := update.set("Id", quote(target.GetEntityId())); err != nil {
			return "", failed(i, err)
		}
		if err := m.scheme(w, of, update, changes); err != nil {
			return "", failed(i, err)
		}
		for _, change := range changes {
			if change.GetKind() == bidrailv1.Kind_KIND_BID_STRATEGY {
				continue
			}
			if err := w.set(update, &of.resource, change); err != nil {
				return "", failed(i, err)
			}
		}
		written = append(written, update.String())
	}
	return `{"` + of.parent + `": ` + quote(within) + `, "` + of.name + `": ` + list(written) + `}`, nil
}

// scheme writes which scheme an update is of: the one that it switches to, or else the one that the context says is there.
func (microsoft) scheme(w *writer, of *microsoftList, update *object, changes []*bidrailv1.Change) error {
	strategy, needed := "", false
	for _, change := range changes {
		switch change.GetKind() {
		case bidrailv1.Kind_KIND_BID_STRATEGY:
			strategy, needed = change.GetAfter().GetText(), true
		case bidrailv1.Kind_KIND_BID_LIMIT, bidrailv1.Kind_KIND_TARGET_CPA, bidrailv1.Kind_KIND_TARGET_ROAS:
			needed = true
		}
	}
	if !needed || of.field(microsoftStrategy) == nil {
		return nil
	}
	if strategy == "" {
		held, _ := w.context.before(w.resources[of.entityType+"/"+changes[0].GetTarget().GetEntityId()], bidrailv1.Kind_KIND_BID_STRATEGY)
		if strategy = held.GetText(); strategy == "" {
			return errors.New("which bidding scheme it has is not known; the context does not say its bid_strategy")
		}
	}
	return update.set(microsoftStrategy, quote(strategy))
}
