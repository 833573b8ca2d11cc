package formats

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// tiktok reads the bodies of the Business API's updates, version 1.3: campaign/update, adgroup/update, campaign/status/update,
// adgroup/status/update and adgroup/budget/update, one body or a list of them. Amounts are decimals of the account's currency.
type tiktok struct{}

func (tiktok) name() string { return "tiktok" }

var tiktokResources = []*resource{
	{entityType: "campaign", identifiers: []string{"advertiser_id", "campaign_id"}, fields: []field{
		{"budget", bidrailv1.Kind_KIND_DAILY_BUDGET, decimal, isNoLimit, notKnown},
		{"budget", bidrailv1.Kind_KIND_LIFETIME_BUDGET, decimal, isNoLimit, notKnown},
		{"roas_bid", bidrailv1.Kind_KIND_TARGET_ROAS, factor, isAbsent, notKnown},
		{"operation_status", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown},
		{"campaign_name", bidrailv1.Kind_KIND_NAME, name, itself, notKnown},
	}},
	{entityType: "ad_group", identifiers: []string{"advertiser_id", "adgroup_id", "campaign_id"}, fields: []field{
		{"budget", bidrailv1.Kind_KIND_DAILY_BUDGET, decimal, isNoLimit, notKnown},
		{"budget", bidrailv1.Kind_KIND_LIFETIME_BUDGET, decimal, isNoLimit, notKnown},
		{"bid_price", bidrailv1.Kind_KIND_BID, decimal, isAbsent, notKnown},
		{"conversion_bid_price", bidrailv1.Kind_KIND_TARGET_CPA, decimal, isAbsent, notKnown},
		{"roas_bid", bidrailv1.Kind_KIND_TARGET_ROAS, factor, isAbsent, notKnown},
		{"bid_type", bidrailv1.Kind_KIND_BID_STRATEGY, word, itself, notKnown},
		{"pacing", bidrailv1.Kind_KIND_PACING, word, itself, notKnown},
		{"operation_status", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown},
		{"adgroup_name", bidrailv1.Kind_KIND_NAME, name, itself, notKnown},
	}},
}

// What a budget is for.
const (
	tiktokMode     = "budget_mode"
	tiktokNoBudget = "BUDGET_MODE_INFINITE"
)

// tiktokModes are the modes and the kind of budget that they make of one.
var tiktokModes = map[string]bidrailv1.Kind{
	"BUDGET_MODE_DAY": bidrailv1.Kind_KIND_DAILY_BUDGET, "BUDGET_MODE_TOTAL": bidrailv1.Kind_KIND_LIFETIME_BUDGET,
}

// The members that say which entities a body is of: one, a list of ids, or a list with a budget each.
var (
	tiktokIDs   = map[string]string{"campaign_ids": "campaign", "adgroup_ids": "ad_group"}
	tiktokAtOne = []struct{ member, entityType string }{{"adgroup_id", "ad_group"}, {"campaign_id", "campaign"}}
)

func (t tiktok) read(r *reader, root *node) error {
	if root.kind == '[' {
		for _, each := range root.items {
			if each.get("campaign_ids") != nil || each.get("adgroup_ids") != nil || each.get("budget") != nil && each.get("budget").kind == '[' {
				return r.refused("", errors.New("a body with several entities stands alone in a payload"))
			}
			if err := t.body(r, each); err != nil {
				return err
			}
		}
		return nil
	}
	return t.body(r, root)
}

func (t tiktok) body(r *reader, n *node) error {
	if n.kind != '{' {
		return r.refused("", fmt.Errorf("it is %s and not an object", n.what()))
	}
	if err := r.accountIs(n.get("advertiser_id")); err != nil {
		return r.refused("", fmt.Errorf("advertiser_id: %w", err))
	}
	if budgets := n.get("budget"); budgets != nil && budgets.kind == '[' {
		return t.budgets(r, n, budgets)
	}
	for _, each := range n.members {
		if entityType := tiktokIDs[each.name]; entityType != "" {
			return t.statuses(r, n, each.name, entityType)
		}
	}
	for _, each := range tiktokAtOne {
		if n.get(each.member) != nil {
			return t.update(r, n, n, each.entityType, n.get(each.member))
		}
	}
	return r.refused("", errors.New("it has no campaign_id and no adgroup_id, so nobody knows what is updated"))
}

// statuses reads a status for several entities: each id is an operation.
func (t tiktok) statuses(r *reader, n *node, list, entityType string) error {
	status := n.get("operation_status")
	for _, each := range n.members {
		if each.name != list && each.name != "advertiser_id" && each.name != "operation_status" {
			return r.refused("", fmt.Errorf("%s is not understood beside %s", shorten(each.name), list))
		}
	}
	if status == nil || n.get(list).kind != '[' {
		return r.refused("", fmt.Errorf("a body with %s has a list of them and operation_status", list))
	}
	for _, id := range n.get(list).items {
		if err := t.update(r, id, &node{kind: '{', members: []member{{"operation_status", status}}}, entityType, id); err != nil {
			return err
		}
	}
	return nil
}

// budgets reads a budget for each of several ad groups.
func (t tiktok) budgets(r *reader, n, budgets *node) error {
	for _, each := range n.members {
		if each.name != "budget" && each.name != "advertiser_id" {
			return r.refused("", fmt.Errorf("%s is not understood beside a list of budgets", shorten(each.name)))
		}
	}
	for _, each := range budgets.items {
		if each.kind != '{' {
			return r.refused("", fmt.Errorf("it is %s and not an object", each.what()))
		}
		if err := t.update(r, each, each, "ad_group", each.get("adgroup_id")); err != nil {
			return err
		}
	}
	return nil
}

// update reads what is written of one entity.
func (t tiktok) update(r *reader, at, update *node, entityType string, id *node) error {
	name, err := id.id()
	if err != nil {
		return r.refused("", fmt.Errorf("the id of the %s: %w", entityType, err))
	}
	understood := tiktokResources[slices.IndexFunc(tiktokResources, func(each *resource) bool { return each.entityType == entityType })]
	target := &bidrailv1.Target{Platform: "tiktok", EntityType: entityType, EntityId: name}
	if entityType == "campaign" {
		target.Campaign = name
	} else {
		target.AdGroup = name
		if n := update.get("campaign_id"); n != nil {
			if target.Campaign, err = n.id(); err != nil {
				return r.refused(name, fmt.Errorf("campaign_id: %w", err))
			}
		}
	}
	of := entity{entityType + "/" + name, target}
	kind, more, err := t.mode(r, of, update)
	if err != nil {
		return r.refused(entityType+" "+name, err)
	}
	edits, err := r.update(update, understood, of, func(path string, n *node) ([]edit, bool, error) {
		switch path {
		case tiktokMode:
			return more, true, nil
		case "budget":
			if slices.ContainsFunc(more, func(each edit) bool { return each.kind == kind }) {
				return nil, true, nil // BUDGET_MODE_INFINITE says it
			}
			after, err := understood.field(path).read(r.units, n)
			return []edit{{of, kind, after, []string{path}}}, true, err
		}
		return nil, false, nil
	})
	if err != nil {
		return r.refused(entityType+" "+name, err)
	}
	return r.operation(entityType+" "+name, at, edits)
}

// mode says which kind of budget an update is of, and what its mode itself changes. An update that does not say keeps what the context
// knows; where that knows nothing it is taken for a daily budget, which then has no value before.
func (t tiktok) mode(r *reader, of entity, update *node) (bidrailv1.Kind, []edit, error) {
	kind := bidrailv1.Kind_KIND_DAILY_BUDGET
	known := r.known(of.key)
	daily, _ := r.context.before(known, bidrailv1.Kind_KIND_DAILY_BUDGET)
	lifetime, _ := r.context.before(known, bidrailv1.Kind_KIND_LIFETIME_BUDGET)
	if lifetime != nil && daily == nil {
		kind = bidrailv1.Kind_KIND_LIFETIME_BUDGET
	}
	if update.get("budget") != nil && daily.GetMoney() != nil && lifetime.GetMoney() != nil {
		return kind, nil, errors.New("the context says that it has a daily and a lifetime budget, and it has only one of them")
	}
	n := update.get(tiktokMode)
	if n == nil {
		return kind, nil, nil
	}
	if n.kind == '"' && n.text == tiktokNoBudget {
		if budget := update.get("budget"); budget != nil {
			if number, err := budget.number(); err != nil || strings.Trim(number, "0.") != "" {
				return kind, nil, fmt.Errorf("budget and %s contradict each other", tiktokNoBudget)
			}
		}
		return kind, []edit{{of, kind, unlimited(), []string{tiktokMode}}}, nil
	}
	meant, there := tiktokModes[n.text]
	if !there || n.kind != '"' {
		return kind, nil, fmt.Errorf("%s: %q is not understood; these are BUDGET_MODE_DAY, BUDGET_MODE_TOTAL and BUDGET_MODE_INFINITE", tiktokMode, shorten(n.text))
	}
	if r.holds(of.key, bidrailv1.Kind_KIND_BUDGET_TYPE) == n.text || meant == kind && (daily.GetMoney() != nil || lifetime.GetMoney() != nil) {
		return meant, nil, nil
	}
	return meant, []edit{{of, bidrailv1.Kind_KIND_BUDGET_TYPE, text(n.text), []string{tiktokMode}}}, nil
}

func (tiktok) owner(target *bidrailv1.Target) (string, error) {
	for _, each := range tiktokResources {
		if each.entityType == target.GetEntityType() {
			return each.entityType + " " + target.GetEntityId(), nil
		}
	}
	return "", fmt.Errorf("there is no update of a %q for TikTok", target.GetEntityType())
}

func (t tiktok) write(w *writer, operations [][]*bidrailv1.Change) (string, error) {
	var written []string
	for i, changes := range operations {
		target := changes[0].GetTarget()
		at := slices.IndexFunc(tiktokResources, func(each *resource) bool { return each.entityType == target.GetEntityType() })
		if at < 0 {
			return "", failed(i, fmt.Errorf("there is no update of a %q", target.GetEntityType()))
		}
		update := &object{}
		id := "campaign_id"
		if target.GetEntityType() == "ad_group" {
			id = "adgroup_id"
		}
		if err := errors.Join(update.set("advertiser_id", quote(target.GetAccount())), update.set(id, quote(target.GetEntityId()))); err != nil {
			return "", failed(i, err)
		}
		for _, change := range changes {
			if err := t.change(w, tiktokResources[at], update, change); err != nil {
				return "", failed(i, err)
			}
		}
		written = append(written, update.String())
	}
	return list(written), nil
}

func (tiktok) change(w *writer, understood *resource, update *object, change *bidrailv1.Change) error {
	isBudget := change.GetKind() == bidrailv1.Kind_KIND_DAILY_BUDGET || change.GetKind() == bidrailv1.Kind_KIND_LIFETIME_BUDGET
	switch {
	case isBudget && change.GetAfter().GetUnlimited() != nil && !slices.Equal(change.GetFieldMask(), []string{"budget"}):
		return update.set(tiktokMode, quote(tiktokNoBudget))
	case change.GetKind() == bidrailv1.Kind_KIND_BUDGET_TYPE:
		if _, there := tiktokModes[change.GetAfter().GetText()]; !there {
			return fmt.Errorf("%q is no %s", shorten(change.GetAfter().GetText()), tiktokMode)
		}
		return update.set(tiktokMode, quote(change.GetAfter().GetText()))
	}
	return w.set(update, understood, change)
}
