package formats

import (
	"errors"
	"fmt"
	"strings"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// amazonSP reads the bodies of the Sponsored Products API's updates, version 3: one of campaigns, adGroups, keywords and targetingClauses,
// each a list of what is to change. Amounts are decimals of the account's currency.
//
// An update without an id creates on some versions of the API, so one without is refused.
type amazonSP struct{}

func (amazonSP) name() string { return "amazon_ads" }

type amazonList struct {
	resource
	name, id string // the list, and the member that has the id
}

var amazonLists = []*amazonList{
	{name: "campaigns", id: "campaignId", resource: resource{entityType: "campaign", fields: []field{
		{"state", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown},
		{"name", bidrailv1.Kind_KIND_NAME, name, itself, notKnown},
		{"budget.budget", bidrailv1.Kind_KIND_DAILY_BUDGET, decimal, itself, notKnown},
		{"dynamicBidding.strategy", bidrailv1.Kind_KIND_BID_STRATEGY, word, itself, notKnown},
	}}},
	{name: "adGroups", id: "adGroupId", resource: resource{entityType: "ad_group", identifiers: []string{"campaignId"}, fields: []field{
		{"state", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown},
		{"name", bidrailv1.Kind_KIND_NAME, name, itself, notKnown},
		{"defaultBid", bidrailv1.Kind_KIND_DEFAULT_BID, decimal, itself, notKnown},
	}}},
	{name: "keywords", id: "keywordId", resource: resource{entityType: "keyword", fields: []field{
		{"state", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown},
		{"bid", bidrailv1.Kind_KIND_BID, decimal, itself, isAbsent}, // without one the ad group's default holds
	}}},
	{name: "targetingClauses", id: "targetId", resource: resource{entityType: "target", fields: []field{
		{"state", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown},
		{"bid", bidrailv1.Kind_KIND_BID, decimal, itself, isAbsent},
	}}},
}

// A placement of a campaign is an entity of its own: its id is CAMPAIGN/PLACEMENT.
var amazonPlacement = field{"percentage", bidrailv1.Kind_KIND_BID_MODIFIER, percentOver, itself, notKnown}

const amazonPlacements = "dynamicBidding.placementBidding"

func (a amazonSP) read(r *reader, root *node) error {
	if root.kind != '{' || len(root.members) != 1 {
		return errors.New("payload: it is not one list of campaigns, adGroups, keywords or targetingClauses")
	}
	for _, each := range amazonLists {
		if each.name != root.members[0].name {
			continue
		}
		items := root.members[0].value
		if items.kind != '[' {
			return fmt.Errorf("payload: %s is %s and not a list", each.name, items.what())
		}
		for _, item := range items.items {
			id, err := item.get(each.id).id()
			if err != nil {
				return r.refused("", fmt.Errorf("%s: %w; an update without it might create", each.id, err))
			}
			edits, err := a.edits(r, each, id, item)
			if err != nil {
				return r.refused(each.entityType+" "+id, err)
			}
			if err := r.operation(each.entityType+" "+id, item, edits); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("payload: %q is not understood; there are campaigns, adGroups, keywords and targetingClauses", shorten(root.members[0].name))
}

func (a amazonSP) edits(r *reader, of *amazonList, id string, item *node) ([]edit, error) {
	target := &bidrailv1.Target{Platform: "amazon_ads", EntityType: of.entityType, EntityId: id}
	switch of.entityType {
	case "campaign":
		target.Campaign = id
	case "ad_group":
		target.AdGroup = id
		if n := item.get("campaignId"); n != nil {
			campaign, err := n.id()
			if err != nil {
				return nil, fmt.Errorf("campaignId: %w", err)
			}
			target.Campaign = campaign
		}
	}
	entity := entity{of.entityType + "/" + id, target}
	var dates []string
	present := map[string]*node{}
	edits, err := r.update(item, &of.resource, entity, func(path string, n *node) ([]edit, bool, error) {
		switch {
		case path == of.id:
			return nil, true, nil
		case of.entityType != "campaign":
			return nil, false, nil
		case path == amazonPlacements:
			edits, err := a.placements(r, id, n)
			return edits, true, err
		case path == "budget.budgetType":
			if n.kind != '"' || n.text != "DAILY" {
				return nil, true, errors.New("only DAILY is understood; Sponsored Products have no other")
			}
			return nil, true, nil
		case path == "startDate" || path == "endDate":
			dates, present[path] = append(dates, path), n
			return nil, true, nil
		}
		return nil, false, nil
	})
	if err != nil {
		return nil, err
	}
	flight, err := r.flight(entity, dates, "startDate", "endDate", present)
	return append(edits, flight...), err
}

// placements reads what a campaign adds to bids by placement.
func (a amazonSP) placements(r *reader, campaign string, n *node) ([]edit, error) {
	if n.kind != '[' || len(n.items) == 0 {
		return nil, errors.New("there are no placements in it, and what the platform makes of that is not known")
	}
	var edits []edit
	for _, each := range n.items {
		placement, percentage := each.get("placement"), each.get("percentage")
		if placement == nil || placement.kind != '"' || percentage == nil || len(each.members) != 2 {
			return nil, errors.New("one has not just a placement and its percentage")
		}
		if strings.Trim(placement.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" || placement.text == "" {
			return nil, fmt.Errorf("%q is not a placement", shorten(placement.text))
		}
		after, err := amazonPlacement.read(r.units, percentage)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", placement.text, err)
		}
		id := campaign + "/" + placement.text
		target := &bidrailv1.Target{Platform: "amazon_ads", EntityType: "placement", EntityId: id, Campaign: campaign}
		edits = append(edits, edit{entity{"placement/" + id, target}, amazonPlacement.kind, after, []string{amazonPlacements}})
	}
	return edits, nil
}

func (amazonSP) owner(target *bidrailv1.Target) (string, error) {
	if target.GetEntityType() == "placement" {
		campaign, _, _ := strings.Cut(target.GetEntityId(), "/")
		return "campaign " + campaign, nil
	}
	for _, each := range amazonLists {
		if each.entityType == target.GetEntityType() {
			return each.entityType + " " + target.GetEntityId(), nil
		}
	}
	return "", fmt.Errorf("there is no update of a %q in Sponsored Products", target.GetEntityType())
}

func (a amazonSP) write(w *writer, operations [][]*bidrailv1.Change) (string, error) {
	var written []string
	var of *amazonList
	for i, changes := range operations {
		owner, err := a.owner(changes[0].GetTarget())
		if err != nil {
			return "", failed(i, err)
		}
		entityType, id, _ := strings.Cut(owner, " ")
		for _, each := range amazonLists {
			if each.entityType != entityType {
				continue
			}
			if of != nil && of != each {
				return "", failed(i, fmt.Errorf("%s and %s are updated by calls of their own; write them one after another", of.name, each.name))
			}
			of = each
		}
		update, placements := &object{}, []string(nil)
		if err := update.set(of.id, quote(id)); err != nil {
			return "", failed(i, err)
		}
		for _, change := range changes {
			if err := a.change(w, of, update, &placements, change); err != nil {
				return "", failed(i, err)
			}
		}
		if len(placements) > 0 {
			if err := update.set(amazonPlacements, "["+strings.Join(placements, ", ")+"]"); err != nil {
				return "", failed(i, err)
			}
		}
		written = append(written, update.String())
	}
	return `{"` + of.name + `": ` + list(written) + `}`, nil
}

func (amazonSP) change(w *writer, of *amazonList, update *object, placements *[]string, change *bidrailv1.Change) error {
	switch {
	case change.GetTarget().GetEntityType() == "placement":
		_, placement, _ := strings.Cut(change.GetTarget().GetEntityId(), "/")
		percentage, _, err := amazonPlacement.write(w.units, change.GetAfter())
		if err != nil {
			return err
		}
		*placements = append(*placements, `{"placement": `+quote(placement)+`, "percentage": `+percentage+`}`)
		return nil
	case of.entityType == "campaign" && change.GetKind() == bidrailv1.Kind_KIND_FLIGHT_DATES:
		_, err := writeFlight(update, change, "startDate", "endDate", "null")
		return err
	case change.GetKind() == bidrailv1.Kind_KIND_DAILY_BUDGET:
		if err := update.set("budget.budgetType", `"DAILY"`); err != nil {
			return err
		}
	}
	return w.set(update, &of.resource, change)
}
