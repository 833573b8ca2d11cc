package formats

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// googleAds reads the Google Ads API's mutations as protojson writes them, in lowerCamelCase or with the proto's own names: the body of
// googleAds:mutate ("mutateOperations": a list of MutateOperation), that of one service's mutate ("operations"), and a bare list, as
// AdsApp.mutateAll takes it. Fields are those of API v22 to v25.
//
// What an update writes is its update mask, and nothing else: a field that the mask names and the resource has not is cleared.
type googleAds struct{}

func (googleAds) name() string { return "google_ads" }

// googleResource is one type of resource, by the part of its resource name that says so.
type googleResource struct {
	resource
	collection string // customers/1/COLLECTION/2
	operation  string // the member of MutateOperation
	parts      int    // of the id: 2 where it is a parent's id, ~ and its own
}

// A keyword without a bid, or with one of 0, takes its ad group's.
var (
	googleBids = []field{
		{"cpcBidMicros", bidrailv1.Kind_KIND_BID, micros, isAbsent, isAbsent},
		{"cpmBidMicros", bidrailv1.Kind_KIND_BID, micros, isAbsent, isAbsent},
		{"cpvBidMicros", bidrailv1.Kind_KIND_BID, micros, isAbsent, isAbsent},
	}
	googleDefaultBids = []field{
		{"cpcBidMicros", bidrailv1.Kind_KIND_DEFAULT_BID, micros, isAbsent, isAbsent},
		{"cpmBidMicros", bidrailv1.Kind_KIND_DEFAULT_BID, micros, isAbsent, isAbsent},
		{"cpvBidMicros", bidrailv1.Kind_KIND_DEFAULT_BID, micros, isAbsent, isAbsent},
	}
	// A modifier of 0 opts out, so it is itself.
	googleModifier = field{"bidModifier", bidrailv1.Kind_KIND_BID_MODIFIER, factor, itself, isAbsent}
	googleStatus   = field{"status", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown}
	googleName     = field{"name", bidrailv1.Kind_KIND_NAME, name, itself, notKnown}
	// The parts of bidding schemes. Without a target, or with one of 0, a scheme spends the whole budget. PercentCpc says that a ceiling of 0
	// is none; for the others it is taken to be the same.
	googleSchemes = []field{
		{"targetCpa.targetCpaMicros", bidrailv1.Kind_KIND_TARGET_CPA, micros, isAbsent, isAbsent},
		{"maximizeConversions.targetCpaMicros", bidrailv1.Kind_KIND_TARGET_CPA, micros, isAbsent, isAbsent},
		{"targetRoas.targetRoas", bidrailv1.Kind_KIND_TARGET_ROAS, factor, isAbsent, isAbsent},
		{"maximizeConversionValue.targetRoas", bidrailv1.Kind_KIND_TARGET_ROAS, factor, isAbsent, isAbsent},
		{"targetCpa.cpcBidCeilingMicros", bidrailv1.Kind_KIND_BID_LIMIT, micros, isNoLimit, isNoLimit},
		{"maximizeConversions.cpcBidCeilingMicros", bidrailv1.Kind_KIND_BID_LIMIT, micros, isNoLimit, isNoLimit},
		{"targetRoas.cpcBidCeilingMicros", bidrailv1.Kind_KIND_BID_LIMIT, micros, isNoLimit, isNoLimit},
		{"maximizeConversionValue.cpcBidCeilingMicros", bidrailv1.Kind_KIND_BID_LIMIT, micros, isNoLimit, isNoLimit},
		{"targetSpend.cpcBidCeilingMicros", bidrailv1.Kind_KIND_BID_LIMIT, micros, isNoLimit, isNoLimit},
		{"percentCpc.cpcBidCeilingMicros", bidrailv1.Kind_KIND_BID_LIMIT, micros, isNoLimit, isNoLimit},
		{"targetImpressionShare.cpcBidCeilingMicros", bidrailv1.Kind_KIND_BID_LIMIT, micros, isNoLimit, isNoLimit},
	}
)

// googleStrategies are the bidding schemes by their names in BiddingStrategyType. A scheme is one of a oneof: writing a part of it
// switches to it.
var googleStrategies = map[string]string{
	"targetCpa": "TARGET_CPA", "maximizeConversions": "MAXIMIZE_CONVERSIONS", "targetRoas": "TARGET_ROAS",
	"maximizeConversionValue": "MAXIMIZE_CONVERSION_VALUE", "targetSpend": "TARGET_SPEND", "percentCpc": "PERCENT_CPC",
	"targetImpressionShare": "TARGET_IMPRESSION_SHARE",
}

var googleResources = []*googleResource{
	{collection: "campaignBudgets", operation: "campaignBudgetOperation", parts: 1, resource: resource{
		entityType: "campaign_budget", identifiers: []string{"id"}, fields: []field{
			{"amountMicros", bidrailv1.Kind_KIND_DAILY_BUDGET, micros, itself, isAbsent},
			{"amountMicros", bidrailv1.Kind_KIND_SHARED_BUDGET, micros, itself, isAbsent},
			{"totalAmountMicros", bidrailv1.Kind_KIND_LIFETIME_BUDGET, micros, itself, isAbsent},
			{"deliveryMethod", bidrailv1.Kind_KIND_PACING, word, itself, notKnown},
			{"status", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown},
			googleName,
		}}},
	{collection: "campaigns", operation: "campaignOperation", parts: 1, resource: resource{
		entityType: "campaign", identifiers: []string{"id"}, fields: append([]field{googleStatus, googleName,
			{"startDate", bidrailv1.Kind_KIND_FLIGHT_DATES, word, itself, notKnown},
			{"endDate", bidrailv1.Kind_KIND_FLIGHT_DATES, word, itself, isAbsent},
			{"startDateTime", bidrailv1.Kind_KIND_FLIGHT_DATES, word, itself, notKnown},
			{"endDateTime", bidrailv1.Kind_KIND_FLIGHT_DATES, word, itself, isAbsent},
		}, googleSchemes...)}},
	{collection: "biddingStrategies", operation: "biddingStrategyOperation", parts: 1, resource: resource{
		entityType: "bid_strategy", identifiers: []string{"id"}, fields: append([]field{googleName}, googleSchemes...)}},
	{collection: "adGroups", operation: "adGroupOperation", parts: 1, resource: resource{
		entityType: "ad_group", identifiers: []string{"id", "campaign"}, fields: append([]field{googleStatus, googleName,
			{"targetCpaMicros", bidrailv1.Kind_KIND_TARGET_CPA, micros, isAbsent, isAbsent},
			{"targetRoas", bidrailv1.Kind_KIND_TARGET_ROAS, factor, isAbsent, isAbsent},
		}, googleDefaultBids...)}},
	{collection: "adGroupCriteria", operation: "adGroupCriterionOperation", parts: 2, resource: resource{
		entityType: "keyword", identifiers: []string{"criterionId", "adGroup"}, fields: append([]field{googleStatus, googleModifier}, googleBids...)}},
	{collection: "campaignCriteria", operation: "campaignCriterionOperation", parts: 2, resource: resource{
		entityType: "campaign_criterion", identifiers: []string{"criterionId", "campaign"}, fields: []field{googleModifier,
			{"status", bidrailv1.Kind_KIND_STATUS, word, itself, notKnown}}}},
	{collection: "adGroupBidModifiers", operation: "adGroupBidModifierOperation", parts: 2, resource: resource{
		entityType: "ad_group_bid_modifier", identifiers: []string{"criterionId", "adGroup"}, fields: []field{googleModifier}}},
}

func (g googleAds) read(r *reader, root *node) error {
	if err := root.camel(); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	operations := root
	if root.kind == '{' {
		operations = nil
		for _, each := range root.members {
			switch each.name {
			case "mutateOperations", "operations":
				if operations != nil {
					return errors.New("payload: it has two lists of operations")
				}
				operations = each.value
			case "customerId":
				if err := r.accountIs(each.value); err != nil {
					return fmt.Errorf("customerId: %w", err)
				}
			case "partialFailure", "validateOnly", "responseContentType":
			default:
				return fmt.Errorf("payload: %q is not understood; a mutation has mutateOperations, or operations", shorten(each.name))
			}
		}
	}
	if operations == nil || operations.kind != '[' {
		return errors.New("payload: there is no list of operations; a mutation has mutateOperations, or operations")
	}
	for _, each := range operations.items {
		if err := g.operation(r, each); err != nil {
			return err
		}
	}
	return nil
}

// operation reads one MutateOperation, or one operation of a service.
func (g googleAds) operation(r *reader, n *node) error {
	inner, named := n, (*googleResource)(nil)
	if len(n.members) == 1 {
		for _, each := range googleResources {
			if each.operation == n.members[0].name {
				inner, named = n.members[0].value, each
			}
		}
		if named == nil && strings.HasSuffix(n.members[0].name, "Operation") {
			return r.refused("", fmt.Errorf("%s is not understood; these are: %s", shorten(n.members[0].name), googleOperations()))
		}
	}
	if inner.kind != '{' {
		return r.refused("", fmt.Errorf("it is %s and not an object", inner.what()))
	}
	var update, mask *node
	for _, each := range inner.members {
		switch each.name {
		case "update":
			update = each.value
		case "updateMask":
			mask = each.value
		case "create", "remove":
			return r.refused("", fmt.Errorf("it would %s, and only updates can be judged; do that by hand", each.name))
		default:
			return r.refused("", fmt.Errorf("%s is not understood; an operation has update and updateMask", shorten(each.name)))
		}
	}
	if update == nil || update.kind != '{' {
		return r.refused("", errors.New("there is no update in it, and nothing else can be judged"))
	}
	name, err := update.get("resourceName").id()
	if err != nil {
		return r.refused("", fmt.Errorf("resourceName: %w; without it nobody knows what is updated", err))
	}
	found, target, err := g.entity(name, r.account)
	if err != nil {
		return r.refused(name, err)
	}
	if named != nil && named != found {
		return r.refused(name, fmt.Errorf("a %s does not update %s", named.operation, found.collection))
	}
	edits, err := g.edits(r, found, entity{g.key(name), target}, update, mask)
	if err != nil {
		return r.refused(name, err)
	}
	return r.operation(name, n, edits)
}

func googleOperations() string {
	names := make([]string, len(googleResources))
	for i, each := range googleResources {
		names[i] = each.operation
	}
	return strings.Join(names, ", ")
}

// key is what the context knows a resource by: its name.
func (googleAds) key(name string) string { return name }

// entity is what a resource name says.
func (googleAds) entity(name, account string) (*googleResource, *bidrailv1.Target, error) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "customers" || !digits(parts[1]) {
		return nil, nil, errors.New("the resource name is not understood; it has the form customers/1/campaigns/2")
	}
	if parts[1] != account {
		return nil, nil, fmt.Errorf("it is in the account %s and the context is for %s", parts[1], account)
	}
	at := slices.IndexFunc(googleResources, func(each *googleResource) bool { return each.collection == parts[2] })
	if at < 0 {
		return nil, nil, fmt.Errorf("%s are not understood; these updates are: %s", shorten(parts[2]), googleOperations())
	}
	found := googleResources[at]
	ids := strings.Split(parts[3], "~")
	if len(ids) != found.parts || slices.ContainsFunc(ids, func(id string) bool { return !digits(id) }) {
		return nil, nil, errors.New("the id in the resource name is not understood; new entities, which have one below zero, are not judged")
	}
	target := &bidrailv1.Target{Platform: "google_ads", EntityType: found.entityType, EntityId: parts[3]}
	switch found.entityType {
	case "campaign", "campaign_criterion":
		target.Campaign = ids[0]
	case "ad_group", "keyword", "ad_group_bid_modifier":
		target.AdGroup = ids[0]
	}
	return found, target, nil
}

// edits reads what the mask says is written.
func (g googleAds) edits(r *reader, found *googleResource, of entity, update, mask *node) ([]edit, error) {
	paths, err := googleMask(mask)
	if err != nil {
		return nil, fmt.Errorf("updateMask: %w", err)
	}
	present := map[string]*node{}
	err = leaves(update, "", func(path string, n *node) error {
		present[path] = n
		if n.kind == '{' && slices.ContainsFunc(paths, func(written string) bool { return strings.HasPrefix(written, path+".") }) {
			return nil // an empty scheme: what the mask names of it is cleared
		}
		if path != "resourceName" && !found.identifies(path) && !slices.Contains(paths, path) {
			return fmt.Errorf("%s is not in the updateMask, so it would not be written; add it there, or leave it out here", shorten(path))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if known := r.known(of.key); known != nil && known.Type != "" {
		if found.entityType != "keyword" {
			return nil, fmt.Errorf("the context gives it a type of its own, %q; only criteria have several", shorten(known.Type))
		}
		of.target.EntityType = known.Type
	}
	if err := g.within(found, of, present); err != nil {
		return nil, err
	}
	var edits []edit
	var dates []string
	scheme := ""
	for _, path := range paths {
		field := found.field(path)
		if field == nil {
			return nil, found.notUnderstood(path)
		}
		if field.kind == bidrailv1.Kind_KIND_FLIGHT_DATES {
			dates = append(dates, path)
			continue
		}
		after, err := field.read(r.units, present[path])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		kind := field.kind
		if path == "amountMicros" && g.shared(r, of.key) {
			kind = bidrailv1.Kind_KIND_SHARED_BUDGET
		}
		edits = append(edits, edit{of, kind, after, []string{path}})
		if first, _, nested := strings.Cut(path, "."); nested {
			if scheme != "" && scheme != first {
				return nil, fmt.Errorf("it writes %s and %s, and has only one of them", scheme, first)
			}
			scheme = first
		}
	}
	flight, err := r.flight(of, dates, "startDate", "endDate", present)
	if err != nil {
		return nil, err
	}
	timed, err := r.flight(of, dates, "startDateTime", "endDateTime", present)
	if err != nil {
		return nil, err
	}
	edits = append(append(edits, flight...), timed...)
	if strategy := googleStrategies[scheme]; scheme != "" && r.holds(of.key, bidrailv1.Kind_KIND_BID_STRATEGY) != strategy {
		edits = append(edits, edit{of, bidrailv1.Kind_KIND_BID_STRATEGY, text(strategy), []string{scheme}})
	}
	return edits, nil
}

// shared says whether the context knows a budget as one that several campaigns draw on.
func (googleAds) shared(r *reader, key string) bool {
	known := r.known(key)
	return known != nil && known.Before[bidrailv1.Kind_KIND_SHARED_BUDGET] != nil
}

// within takes from the payload where the entity stands, and checks that it does not contradict itself.
func (googleAds) within(found *googleResource, of entity, present map[string]*node) error {
	last := func(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
	for _, path := range found.identifiers {
		n := present[path]
		if n == nil || n.kind == 'n' {
			continue
		}
		id, err := n.id()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		ids := strings.Split(of.target.GetEntityId(), "~")
		want := ids[len(ids)-1] // of id and criterionId
		switch path {
		case "campaign":
			if of.target.Campaign == "" {
				of.target.Campaign = last(id)
			}
			want = of.target.Campaign
		case "adGroup":
			want = of.target.AdGroup
		}
		if last(id) != want {
			return fmt.Errorf("%s is %s and the resource name says %s", path, shorten(id), want)
		}
	}
	return nil
}

// googleMask reads an update mask: one text with commas, as REST has it, or a list, as the libraries' own objects have it.
func googleMask(n *node) ([]string, error) {
	if n != nil && n.kind == '{' && len(n.members) == 1 && n.members[0].name == "paths" {
		n = n.members[0].value
	}
	var paths []string
	switch {
	case n == nil:
		return nil, errors.New("it is not there, so nobody knows what is written; name the fields that are")
	case n.kind == '"':
		paths = strings.Split(n.text, ",")
	case n.kind == '[':
		for _, each := range n.items {
			if each.kind != '"' {
				return nil, fmt.Errorf("there is %s in it and not a path", each.what())
			}
			paths = append(paths, each.text)
		}
	default:
		return nil, fmt.Errorf("it is %s and not a text", n.what())
	}
	if len(paths) > 64 {
		return nil, errors.New("it has more than 64 paths")
	}
	for i, path := range paths {
		paths[i] = camel(strings.TrimSpace(path))
		if paths[i] == "" {
			return nil, errors.New("there is an empty path in it")
		}
		if slices.Contains(paths[:i], paths[i]) {
			return nil, fmt.Errorf("%s is there twice", shorten(paths[i]))
		}
	}
	return paths, nil
}

// camel is a name as REST spells it, whichever of the two spellings it comes in.
func camel(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	var out strings.Builder
	up := false
	for _, r := range name {
		switch {
		case r == '_':
			up = true
			continue
		case up && r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		}
		up = false
		out.WriteRune(r)
	}
	return out.String()
}

// camel spells all names as REST does. Two spellings of one name in one object are refused.
func (n *node) camel() error {
	renamed := false
	for i := range n.members {
		if spelled := camel(n.members[i].name); spelled != n.members[i].name {
			n.members[i].name, renamed = spelled, true
		}
		if err := n.members[i].value.camel(); err != nil {
			return err
		}
	}
	for _, each := range n.items {
		if err := each.camel(); err != nil {
			return err
		}
	}
	if renamed {
		return unique(n.members)
	}
	return nil
}

func (googleAds) owner(target *bidrailv1.Target) (string, error) {
	for _, each := range googleResources {
		// A criterion may be of a type that only the context knows.
		if each.entityType == target.GetEntityType() || each.entityType == "keyword" && isCriterion(target) {
			return "customers/" + GoogleAds.account(target.GetAccount()) + "/" + each.collection + "/" + target.GetEntityId(), nil
		}
	}
	return "", fmt.Errorf("there is no update of a %q on Google Ads", target.GetEntityType())
}

// isCriterion says whether a target can only be a criterion of an ad group.
func isCriterion(target *bidrailv1.Target) bool {
	if slices.ContainsFunc(googleResources, func(each *googleResource) bool { return each.entityType == target.GetEntityType() }) {
		return false
	}
	return target.GetAdGroup() != "" && strings.HasPrefix(target.GetEntityId(), target.GetAdGroup()+"~")
}

func (g googleAds) write(w *writer, operations [][]*bidrailv1.Change) (string, error) {
	var written []string
	for i, changes := range operations {
		name, err := g.owner(changes[0].GetTarget())
		if err != nil {
			return "", failed(i, err)
		}
		found, _, err := g.entity(name, GoogleAds.account(w.context.Account))
		if err != nil {
			return "", failed(i, err)
		}
		update, mask := &object{}, []string(nil)
		if err := update.set("resourceName", quote(name)); err != nil {
			return "", failed(i, err)
		}
		for _, change := range changes {
			if change.GetKind() == bidrailv1.Kind_KIND_FLIGHT_DATES {
				startPath, endPath := "startDate", "endDate"
				if paths := change.GetFieldMask(); len(paths) > 0 && strings.HasSuffix(paths[0], "Time") {
					startPath, endPath = "startDateTime", "endDateTime"
				}
				paths, err := writeFlight(update, change, startPath, endPath, "")
				if err != nil {
					return "", failed(i, err)
				}
				mask = append(mask, paths...)
				continue
			}
			if change.GetKind() == bidrailv1.Kind_KIND_BID_STRATEGY && g.implied(changes, change) {
				continue
			}
			field, err := w.field(&found.resource, g.placed(w, name, change))
			if err != nil {
				return "", failed(i, err)
			}
			json, nothing, err := field.write(w.units, change.GetAfter())
			if err == nil && !nothing {
				err = update.set(field.path, json)
			}
			if err != nil {
				return "", failed(i, fmt.Errorf("%s: %w", field.path, err))
			}
			mask = append(mask, field.path)
		}
		operation := &object{}
		if err := errors.Join(
			operation.set(found.operation+".updateMask", quote(strings.Join(mask, ","))),
			operation.set(found.operation+".update", update.String()),
		); err != nil {
			return "", failed(i, err)
		}
		written = append(written, operation.String())
	}
	return `{"mutateOperations": ` + list(written) + `}`, nil
}

// implied says whether another change of the operation writes a part of the scheme that a change of strategy switches to.
func (googleAds) implied(changes []*bidrailv1.Change, strategy *bidrailv1.Change) bool {
	for _, other := range changes {
		if len(other.GetFieldMask()) == 1 {
			first, _, nested := strings.Cut(other.GetFieldMask()[0], ".")
			if nested && googleStrategies[first] == strategy.GetAfter().GetText() {
				return true
			}
		}
	}
	return false
}

// placed gives a target without a mask the field of the scheme that the context says the entity has.
func (googleAds) placed(w *writer, name string, change *bidrailv1.Change) *bidrailv1.Change {
	if len(change.GetFieldMask()) > 0 {
		return change
	}
	held, _ := w.context.before(w.resources[name], bidrailv1.Kind_KIND_BID_STRATEGY)
	for scheme, strategy := range googleStrategies {
		if strategy != held.GetText() {
			continue
		}
		for i := range googleSchemes {
			if googleSchemes[i].kind == change.GetKind() && strings.HasPrefix(googleSchemes[i].path, scheme+".") {
				return &bidrailv1.Change{Kind: change.GetKind(), FieldMask: []string{googleSchemes[i].path}}
			}
		}
	}
	return change
}
