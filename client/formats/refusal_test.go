package formats

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// known is a context that knows what the refusals are about.
func known(t *testing.T, account, currency string) *Context {
	t.Helper()
	context, err := ParseContext(fmt.Appendf(nil, `{"account": %q, "currency": %q, "run": "r", "resources": [
		{"resource_name": "customers/1/campaigns/2", "before": {"status": "PAUSED", "bid_strategy": "TARGET_CPA"}},
		{"resource_name": "customers/1/adGroupCriteria/3~4", "campaign": "2", "before": {"bid": "1.00"}},
		{"resource_name": "customers/1/adGroups/3", "campaign": "2"},
		{"resource_name": "customers/1/campaignBudgets/8", "type": "keyword"},
		{"type": "ad_set", "id": "5", "campaign": "6", "before": {"daily_budget": "10"}},
		{"type": "ad_set", "id": "7", "campaign": "6", "before": {"daily_budget": "10", "lifetime_budget": "20"}},
		{"type": "ad_set", "id": "9"}, {"type": "campaign", "id": "9"},
		{"type": "campaign", "id": "6"},
		{"type": "ad_group", "id": "5", "campaign": "6"},
		{"type": "ad_group", "id": "7", "campaign": "6", "before": {"daily_budget": "10", "lifetime_budget": "20"}}
	]}`, account, currency))
	if err != nil {
		t.Fatal(err)
	}
	return context
}

// google wraps one update of a Google resource.
func google(operation, mask, update string) string {
	return `{"mutateOperations": [{"` + operation + `": {"updateMask": "` + mask + `", "update": {` + update + `}}}]}`
}

const (
	aKeyword  = `"resourceName": "customers/1/adGroupCriteria/3~4"`
	aCampaign = `"resourceName": "customers/1/campaigns/2"`
)

// TestRefused: what is not understood whole is refused, and the error says where and what.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		format  Format
		payload string
		says    string
	}{
		// What no format takes.
		{GoogleAds, ``, "not JSON"},
		{GoogleAds, `{"mutateOperations": [`, "line 1: unexpected end"},
		{GoogleAds, "{\n\"mutateOperations\": [}", "line 2"},
		{GoogleAds, "\xff", "not UTF-8"},
		{GoogleAds, `{"mutateOperations": []}`, "there are no operations"},
		{GoogleAds, `7`, "there is no list of operations"},
		{GoogleAds, strings.Repeat("[", 40) + strings.Repeat("]", 40), "nests deeper"},
		{GoogleAds, `{"mutateOperations": [], "mutateOperations": []}`, `"mutateOperations" is there twice`},
		{AmazonSP, `{"keywords": [{"keywordId": "1", "bid": 1, "bid": 9}]}`, `"bid" is there twice`},
		{AmazonSP, `{"keywords": [{"keywordId": "1", "name": "\ud800"}]}`, "half a character"},

		// A name with a point in it is no path.
		{GoogleAds, google("campaignOperation", "targetCpa.targetCpaMicros", aCampaign+`, "targetCpa": {"targetCpaMicros": "900000000"}, "targetCpa.targetCpaMicros": "1000000"`), "has a point in it"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "budget.budget": 5}]}`, "has a point in it"},
		{Microsoft, `{"AdGroupId": "3", "Keywords": [{"Id": "4", "Bid.Amount": 1}]}`, "has a point in it"},

		// An entity under another name would have windows and tests of its own.
		{GoogleAds, google("adGroupCriterionOperation", "cpcBidMicros", `"resourceName": "customers/1/adGroupCriteria/3~04", "cpcBidMicros": "1000000"`), "the id 3~04 begins with a zero"},
		{AmazonSP, `{"keywords": [{"keywordId": "01", "bid": 1}]}`, "the id 01 begins with a zero"},
		{AmazonSP, `{"adGroups": [{"adGroupId": "1", "campaignId": "02", "defaultBid": 1}]}`, "the id 02 begins with a zero"},
		{Microsoft, `{"AdGroupId": "03", "Keywords": [{"Id": "4", "Bid": {"Amount": 1}}]}`, "the id 03 begins with a zero"},
		{TikTok, `{"advertiser_id": "1", "adgroup_ids": ["05"], "operation_status": "DISABLE"}`, "the id 05 begins with a zero"},

		// Google Ads.
		{GoogleAds, `{"mutateOperations": [], "operations": []}`, "two lists of operations"},
		{GoogleAds, `{"mutateOperations": [], "mutate_operations": []}`, "is there twice"},
		{GoogleAds, `{"customerId": "2", "mutateOperations": []}`, "customerId: the payload is for the account 2 and the context for 1"},
		{GoogleAds, `{"atomic": true, "mutateOperations": []}`, `"atomic" is not understood`},
		{GoogleAds, `{"mutateOperations": [{"campaignOperation": {"create": {"name": "x"}}}]}`, "operation 0: it would create"},
		{GoogleAds, `{"mutateOperations": [{"campaignOperation": {"remove": "customers/1/campaigns/2"}}]}`, "operation 0: it would remove"},
		{GoogleAds, `{"mutateOperations": [{"adOperation": {"update": {}}}]}`, "operation 0: adOperation is not understood"},
		{GoogleAds, `{"mutateOperations": [{"campaignOperation": {"updateMask": "status", "update": {"status": "PAUSED"}}}]}`, "resourceName: it is not there"},
		{GoogleAds, `{"mutateOperations": [{"campaignOperation": {"update": {` + aCampaign + `, "status": "PAUSED"}}}]}`, "operation 0 (customers/1/campaigns/2): updateMask: it is not there"},
		{GoogleAds, `{"mutateOperations": [{"campaignOperation": {"updateMask": "status", "update_mask": "name", "update": {}}}]}`, "is there twice"},
		{GoogleAds, `{"mutateOperations": [{"campaignOperation": {"updateMask": "status", "update": {` + aCampaign + `, "status": "PAUSED"}, "exemptions": []}}]}`, "exemptions is not understood"},
		{GoogleAds, `{"mutateOperations": [7]}`, "it is a number and not an object"},
		{GoogleAds, google("campaignOperation", "status", `"resourceName": "customers/2/campaigns/2", "status": "PAUSED"`), "in the account 2"},
		{GoogleAds, google("campaignOperation", "status", `"resourceName": "customers/1/campaigns/-1", "status": "PAUSED"`), "new entities"},
		{GoogleAds, google("campaignOperation", "status", `"resourceName": "campaigns/2", "status": "PAUSED"`), "has the form customers/1/campaigns/2"},
		{GoogleAds, google("campaignOperation", "status", `"resourceName": "customers/1/adGroups/3", "status": "PAUSED"`), "a campaignOperation does not update adGroups"},
		{GoogleAds, google("adOperation", "status", `"resourceName": "customers/1/ads/3", "status": "PAUSED"`), "adOperation is not understood"},
		{GoogleAds, `[{"update": {"resourceName": "customers/1/ads/3"}, "updateMask": "status"}]`, "ads are not understood"},
		{GoogleAds, google("campaignOperation", "networkSettings.targetSearchNetwork", aCampaign+`, "networkSettings": {"targetSearchNetwork": true}`), "networkSettings.targetSearchNetwork is not understood"},
		{GoogleAds, google("campaignOperation", "maximizeConversions", aCampaign+`, "maximizeConversions": {}`), "maximizeConversions is not understood"},
		{GoogleAds, google("campaignOperation", "*", aCampaign+`, "status": "PAUSED"`), "status is not in the updateMask"},
		{GoogleAds, google("campaignOperation", "name", aCampaign+`, "name": "a", "status": "ENABLED"`), "status is not in the updateMask"},
		{GoogleAds, google("campaignOperation", "status,status", aCampaign+`, "status": "PAUSED"`), "status is there twice"},
		{GoogleAds, google("campaignOperation", "status", aCampaign), "status: what the platform makes of null is not known"},
		{GoogleAds, google("campaignOperation", "targetCpa.targetCpaMicros,targetRoas.targetRoas", aCampaign+`, "targetCpa": {"targetCpaMicros": "1000000"}, "targetRoas": {"targetRoas": 2}`), "has only one of them"},
		{GoogleAds, google("adGroupCriterionOperation", "cpcBidMicros,cpmBidMicros", aKeyword+`, "cpcBidMicros": "1000000", "cpmBidMicros": "2000000"`), "two values of one kind"},
		{GoogleAds, google("adGroupCriterionOperation", "cpcBidMicros", aKeyword+`, "cpcBidMicros": 1.5`), "whole number"},
		{GoogleAds, google("adGroupCriterionOperation", "cpcBidMicros", aKeyword+`, "cpcBidMicros": 1e6`), "whole number"},
		{GoogleAds, google("adGroupCriterionOperation", "cpcBidMicros", aKeyword+`, "cpcBidMicros": "-1000000"`), "whole number"},
		{GoogleAds, google("adGroupCriterionOperation", "cpcBidMicros", aKeyword+`, "cpcBidMicros": "9223372036854775808"`), "too large"},
		{GoogleAds, google("adGroupCriterionOperation", "cpcBidMicros", aKeyword+`, "cpcBidMicros": "33509999"`), "33.509999 USD goes in steps of 0.01"},
		{GoogleAds, google("adGroupCriterionOperation", "cpcBidMicros", aKeyword+`, "cpcBidMicros": true`), "yes or no and not a number"},
		{GoogleAds, google("adGroupCriterionOperation", "bidModifier", aKeyword+`, "bidModifier": "NaN"`), "digits"},
		{GoogleAds, google("adGroupCriterionOperation", "bidModifier", aKeyword+`, "bidModifier": 1.100000023841858`), "finer than a millionth"},
		{GoogleAds, google("adGroupCriterionOperation", "bidModifier", aKeyword+`, "bidModifier": 1, "adGroup": "customers/1/adGroups/99"`), "adGroup is customers/1/adGroups/99 and the resource name says 3"},
		{GoogleAds, google("adGroupOperation", "status", `"resourceName": "customers/1/adGroups/3", "status": "PAUSED", "campaign": "customers/1/campaigns/99"`), "the context says that it is in the campaign 2"},
		{GoogleAds, google("campaignBudgetOperation", "amountMicros", `"resourceName": "customers/1/campaignBudgets/8", "amountMicros": "1000000"`), "a type of its own"},

		// Amazon.
		{AmazonSP, `[]`, "not one list"},
		{AmazonSP, `{"keywords": [], "campaigns": []}`, "not one list"},
		{AmazonSP, `{"negativeKeywords": []}`, `"negativeKeywords" is not understood`},
		{AmazonSP, `{"Keywords": [{"keywordId": "1", "bid": 1}]}`, `"Keywords" is not understood`},
		{AmazonSP, `{"keywords": {}}`, "an object and not a list"},
		{AmazonSP, `{"keywords": [{"bid": 1}]}`, "operation 0: keywordId: it is not there; an update without it might create"},
		{AmazonSP, `{"keywords": [{"keywordId": "1", "bid": 1}, {"keywordId": "2", "matchType": "EXACT"}]}`, "operation 1 (keyword 2): matchType is not understood"},
		{AmazonSP, `{"keywords": [{"keywordId": "1"}]}`, "it writes nothing that can be judged"},
		{AmazonSP, `{"keywords": [{"keywordId": "1", "Bid": 1}]}`, "Bid is not understood"},
		{AmazonSP, `{"keywords": [{"keywordId": "1", "bid": 1.005}]}`, "goes in steps of 0.01"},
		{AmazonSP, `{"keywords": [{"keywordId": "1", "bid": 1e2}]}`, "digits"},
		{AmazonSP, `{"keywords": [{"keywordId": "1", "bid": -1}]}`, "digits"},
		{AmazonSP, `{"keywords": [{"keywordId": "1", "bid": {}}]}`, "it is an object and not a number"},
		{AmazonSP, `{"keywords": [{"keywordId": "1", "bid": 99999999999999}]}`, "too large"},
		{AmazonSP, `{"keywords": [{"keywordId": 1.5, "bid": 1}]}`, "1.5 is not an id"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "budget": {"budget": 5, "budgetType": "LIFETIME"}}]}`, "only DAILY"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "budget": {"budget": 5, "effectiveBudget": 6}}]}`, "budget.effectiveBudget is not understood"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "budget": {"budget": 0}, "budgets": {}}]}`, "budgets is not understood"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "state": null}]}`, "state: what the platform makes of null"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "dynamicBidding": {"placementBidding": []}}]}`, "there are no placements"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "dynamicBidding": {"placementBidding": [{"placement": "PLACEMENT_TOP", "percentage": 1.5}]}}]}`, "whole number"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "dynamicBidding": {"placementBidding": [{"placement": "PLACEMENT_TOP", "percentage": 9999999999}]}}]}`, "too large"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "dynamicBidding": {"placementBidding": [{"placement": "PLACEMENT_TOP", "percentage": 1}, {"placement": "PLACEMENT_TOP", "percentage": 900}]}}]}`, "two values of one kind"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "dynamicBidding": {"shopperCohortBidding": []}}]}`, "dynamicBidding.shopperCohortBidding is not understood"},
		{AmazonSP, `{"campaigns": [{"campaignId": "1", "startDate": null}]}`, "startDate: it would be taken away"},

		// Meta.
		{Meta, `"x"`, "the batch is a text and not a list"},
		{Meta, `{"batch": [], "adset_spec": {}}`, `"adset_spec" is not understood beside batch`},
		{Meta, `[{"daily_budget": 100}]`, "operation 0: id: it is not there"},
		{Meta, `[{"id": "404", "daily_budget": 100}]`, "an id of Meta does not say what it is of"},
		{Meta, `[{"id": "9", "daily_budget": 100}]`, "an ad set and that it is a campaign"},
		{Meta, `[{"id": "5", "daily_budget": 100, "lifetime_budget": 100}]`, "has only one of them"},
		{Meta, `[{"id": "7", "daily_budget": 100}]`, "a daily and a lifetime budget"},
		{Meta, `[{"id": "5", "daily_budget": 0}]`, "daily_budget: what the platform makes of 0 is not known"},
		{Meta, `[{"id": "5", "daily_budget": null}]`, "what the platform makes of null"},
		{Meta, `[{"id": "5", "daily_budget": 10.5}]`, "whole number"},
		{Meta, `[{"id": "5", "end_time": "0"}]`, `"0" is not a date`},
		{Meta, `[{"id": "5", "end_time": 1775001600}]`, "a number and not a text"},
		{Meta, `[{"id": "5", "targeting": {"geo_locations": {}}}]`, "targeting.geo_locations is not understood"},
		{Meta, `[{"id": "5", "spend_cap": 100}]`, "spend_cap is not understood"},
		{Meta, `[{"id": "6", "bid_amount": 100}]`, "bid_amount is not understood"},
		{Meta, `[{"method": "DELETE", "relative_url": "5", "body": "x=1"}]`, "the method DELETE is not understood"},
		{Meta, `[{"method": "POST", "relative_url": "act_1/adsets", "body": "name=x"}]`, `"act_1/adsets" is not understood`},
		{Meta, `[{"method": "POST", "relative_url": "5?daily_budget=900", "body": "status=PAUSED"}]`, "is not understood; the relative_url"},
		{Meta, `[{"method": "POST", "relative_url": "5"}]`, "a method, POST, and a body"},
		{Meta, `[{"method": "POST", "relative_url": "5", "body": "daily_budget=100&daily_budget=900"}]`, `"daily_budget" is there twice`},
		{Meta, `[{"method": "POST", "relative_url": "5", "body": "daily_budget"}]`, "the body is not understood"},
		{Meta, `[{"method": "POST", "relative_url": "5", "body": "daily_budget=%zz"}]`, "the body is not understood"},
		{Meta, `[{"method": "POST", "relative_url": "5", "body": "daily_budget=100", "depends_on": "x"}]`, "depends_on is not understood"},
		{Meta, `[{"method": "POST", "relative_url": "5", "body": "id=6&daily_budget=100"}]`, "an id beside"},
		{Meta, `[{"method": "POST", "relative_url": "5", "body": "bid_constraints={"}]`, "bid_constraints: it is not JSON"},

		// Microsoft.
		{Microsoft, `[]`, "it is a list and not an object"},
		{Microsoft, `{"AccountId": 1, "Ads": []}`, "there is no list of Campaigns"},
		{Microsoft, `{"Keywords": [{"Id": "1", "Bid": {"Amount": 1}}]}`, "AdGroupId: it is not there"},
		{Microsoft, `{"AccountId": 2, "Campaigns": []}`, "the payload is for the account 2"},
		{Microsoft, `{"AccountId": 1, "CustomerId": 2, "Campaigns": []}`, `"CustomerId" is not understood`},
		{Microsoft, `{"AdGroupId": 1, "Keywords": [{"Bid": {"Amount": 1}}]}`, "operation 0: the Id: it is not there"},
		{Microsoft, `{"AdGroupId": 1, "Keywords": [{"Id": "2", "Bid": null}]}`, "operation 0 (keyword 2): Bid is not understood"},
		{Microsoft, `{"AdGroupId": 1, "Keywords": [{"Id": "2", "Bid": {"Amount": 1.0000001}}]}`, "finer than a millionth"},
		{Microsoft, `{"AdGroupId": 1, "Keywords": [{"Id": "2", "Bid": {"Amount": 1E2}}]}`, "digits"},
		{Microsoft, `{"AccountId": 1, "Campaigns": [{"Id": "2", "BiddingScheme": {"TargetCpa": 5}}]}`, "has no Type"},
		{Microsoft, `{"AccountId": 1, "Campaigns": [{"Id": "2", "BiddingScheme": {"Type": "Magic"}}]}`, `"Magic" is not understood`},
		{Microsoft, `{"AccountId": 1, "Campaigns": [{"Id": "2", "DailyBudget": null}]}`, "what the platform makes of null"},
		{Microsoft, `{"AdGroupId": 1, "Keywords": [{"Id": "2", "Bid": {"Amount": 0}}]}`, "what the platform makes of 0"},
		{Microsoft, `{"AccountId": 1, "Campaigns": [{"Id": "2", "BudgetId": 7}]}`, "BudgetId is not understood"},

		// TikTok.
		{TikTok, `7`, "operation 0: it is a number"},
		{TikTok, `{"advertiser_id": "2", "campaign_id": "6", "budget": 50}`, "the payload is for the account 2"},
		{TikTok, `{"advertiser_id": "1", "budget": 50}`, "no campaign_id and no adgroup_id"},
		{TikTok, `{"advertiser_id": "1", "campaign_id": "6", "objective_type": "REACH"}`, "objective_type is not understood"},
		{TikTok, `{"advertiser_id": "1", "adgroup_id": "5", "budget": 50, "budget_mode": "BUDGET_MODE_INFINITE"}`, "contradict each other"},
		{TikTok, `{"advertiser_id": "1", "adgroup_id": "5", "budget": 50, "budget_mode": "BUDGET_MODE_WEEK"}`, `"BUDGET_MODE_WEEK" is not understood`},
		{TikTok, `{"advertiser_id": "1", "adgroup_id": "7", "budget": 50}`, "a daily and a lifetime budget"},
		{TikTok, `{"advertiser_id": "1", "adgroup_id": "5", "budget": 50.005}`, "goes in steps"},
		{TikTok, `{"advertiser_id": "1", "adgroup_id": "5", "deep_cpa_bid": 5}`, "deep_cpa_bid is not understood"},
		{TikTok, `{"advertiser_id": "1", "campaign_ids": ["6"], "budget": 5, "operation_status": "DELETE"}`, "budget is not understood beside campaign_ids"},
		{TikTok, `{"advertiser_id": "1", "campaign_ids": ["6"]}`, "operation_status"},
		{TikTok, `{"advertiser_id": "1", "budget": [{"adgroup_id": "5", "budget": 5}], "scheduled_budget": []}`, "scheduled_budget is not understood"},
		{TikTok, `[{"advertiser_id": "1", "campaign_ids": ["6"], "operation_status": "ENABLE"}]`, "stands alone"},
	} {
		read, err := Read(c.format, []byte(c.payload), known(t, "1", "USD"))
		if err == nil {
			t.Errorf("%s: it is read as %v\n%.300s", c.format, read.Changes(), c.payload)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q\n%.300s", c.format, err, c.says, c.payload)
		}
	}
}

// A payload has at most as many operations as the largest platform takes.
func TestTooManyOperations(t *testing.T) {
	payload := `{"advertiser_id": "1", "operation_status": "ENABLE", "campaign_ids": ["6"` + strings.Repeat(`, "6"`, MaxOperations) + `]}`
	if _, err := Read(TikTok, []byte(payload), known(t, "1", "USD")); err == nil || !strings.Contains(err.Error(), "more than 10000 operations") {
		t.Errorf("got %v", err)
	}
}

// What context does not know has no value before, and rules block that. It is not refused: the rest of the payload can be judged.
func TestUnknownResource(t *testing.T) {
	read, err := Read(AmazonSP, []byte(`{"keywords": [{"keywordId": "404", "bid": 1}]}`), known(t, "1", "USD"))
	if err != nil {
		t.Fatal(err)
	}
	if change := read.Changes()[0]; change.GetBefore() != nil || change.GetTarget().GetCampaign() != "" {
		t.Errorf("it is said to be %v in the campaign %q, and nobody knows", change.GetBefore(), change.GetTarget().GetCampaign())
	}
}

// Where an entity stands can be the payload's word, where the context does not say.
func TestPayloadSaysWhere(t *testing.T) {
	for _, c := range []struct {
		format  Format
		payload string
	}{
		{GoogleAds, google("adGroupOperation", "status", `"resourceName": "customers/1/adGroups/44", "status": "PAUSED", "campaign": "customers/1/campaigns/2"`)},
		{AmazonSP, `{"adGroups": [{"adGroupId": "44", "campaignId": "2", "defaultBid": 1}]}`},
		{Microsoft, `{"CampaignId": "2", "AdGroups": [{"Id": "44", "Status": "Paused"}]}`},
		{TikTok, `{"advertiser_id": "1", "campaign_id": "2", "adgroup_id": "44", "operation_status": "DISABLE"}`},
	} {
		read, err := Read(c.format, []byte(c.payload), known(t, "1", "USD"))
		if err != nil {
			t.Errorf("%s: %v", c.format, err)
		} else if target := read.Changes()[0].GetTarget(); target.GetCampaign() != "2" || target.GetAdGroup() != "44" || target.GetEntityType() != "ad_group" {
			t.Errorf("%s: it stands at %v, want the ad group 44 of the campaign 2", c.format, target)
		}
	}
}

func TestContextRefused(t *testing.T) {
	for text, says := range map[string]string{
		``:                                    "not JSON",
		`[]`:                                  "the context is a list",
		`{"currency": "USD"}`:                 "which account",
		`{"account": "1"}`:                    "in which currency",
		`{"account": "1", "currency": "usd"}`: `currency "usd" is not known`,
		`{"account": 1, "currency": "USD"}`:   "account: it is a number",
		`{"account": "1", "currency": "USD", "resource": []}`:                                                                                           `the context has no "resource"; it has account, campaigns`,
		`{"account": "1", "currency": "USD", "Run": "x"}`:                                                                                               `no "Run"`,
		`{"account": "1", "currency": "USD", "run": "a b"}`:                                                                                             "without spaces",
		`{"account": "1", "currency": "USD", "run": "` + strings.Repeat("x", 65) + `"}`:                                                                 "at most 64",
		`{"account": "1", "currency": "USD", "observed_at": "yesterday"}`:                                                                               "RFC 3339",
		`{"account": "1", "currency": "USD", "account": "2"}`:                                                                                           "twice",
		`{"account": "1", "currency": "USD", "resources": {}}`:                                                                                          "resources is an object",
		`{"account": "1", "currency": "USD", "resources": [{"id": "1"}]}`:                                                                               "resource 0: say which it is",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1"}, {"type": "campaign", "id": 1}]}`:                            "the resource campaign/1 is there twice",
		`{"account": "1", "currency": "USD", "resources": [{"resource_name": "x", "id": "1"}]}`:                                                         "leave the id out",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "befor": {}}]}`:                                              `no "befor"`,
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"budget": 1}}]}`:                                  `no kind is called "budget"`,
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"Bid": 1}}]}`:                                     `no kind is called "Bid"`,
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"bid": "1,000"}}]}`:                               "before: bid: ",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"bid": 1e3}}]}`:                                   "digits",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"bid_modifier": "unlimited"}}]}`:                  "digits",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"status": 1}}]}`:                                  "not a text",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"budget_rule": "x"}}]}`:                           "no payload changes it",
		`{"account": "1", "currency": "USD", "facts": {"spend": {"money": 5}}}`:                                                                         "facts: spend is not a bidrail.v1.Fact",
		`{"account": "1", "currency": "USD", "campaigns": {"1": {"title": "x"}}}`:                                                                       `campaign 1 has no "title"`,
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "labels": {"a": 1}}]}`:                                       "labels: a is a number",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"bid": {"micros": "1.5"}}}]}`:                     "whole number",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"bid": {"micros": "1", "currency": "EUR"}}}]}`:    "not a number",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"bid": {"micros": "99999999999999999999999"}}}]}`: "too large",
		`{"account": "1", "currency": "USD", "resources": [{"type": "campaign", "id": "1", "before": {"bid": "9223372036854.775808"}}]}`:                "too large",
	} {
		if context, err := ParseContext([]byte(text)); err == nil {
			t.Errorf("%s is read as %v", text, context)
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	for _, context := range []*Context{nil, {}, {Account: "1"}, {Account: "1", Currency: "XXX"}} {
		if _, err := Read(TikTok, []byte(`{"advertiser_id": "1", "campaign_ids": ["6"], "operation_status": "ENABLE"}`), context); err == nil {
			t.Errorf("the context %v is enough", context)
		}
	}
}

// TestWriteRefused: what a platform cannot be told is an error, not something near to it.
func TestWriteRefused(t *testing.T) {
	context := known(t, "1", "USD")
	keyword := &bidrailv1.Target{Platform: "google_ads", Account: "1", EntityType: "keyword", EntityId: "3~4", AdGroup: "3"}
	adSet := &bidrailv1.Target{Platform: "meta", Account: "1", EntityType: "ad_set", EntityId: "5"}
	placement := &bidrailv1.Target{Platform: "amazon_ads", Account: "1", EntityType: "placement", EntityId: "6/PLACEMENT_TOP"}
	change := func(kind bidrailv1.Kind, target *bidrailv1.Target, after *bidrailv1.Value) []*bidrailv1.Change {
		return []*bidrailv1.Change{{Kind: kind, Target: target, After: after, BeforeObservedAt: timestamppb.Now()}}
	}
	for _, c := range []struct {
		format  Format
		changes []*bidrailv1.Change
		says    string
	}{
		{GoogleAds, nil, "no changes"},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, keyword, money(10_000, "EUR")), "in EUR and the account in USD"},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, keyword, money(10_001, "USD")), "goes in steps"},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, keyword, money(0, "USD")), "does not read 0 as zero"},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, keyword, money(-10_000, "USD")), "negative"},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, keyword, unlimited()), `no way to say "no limit"`},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, keyword, ratio(1)), "a ratio does not belong"},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, keyword, text("x")), "a text does not belong"},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, keyword, nil), "there is no value"},
		{GoogleAds, change(bidrailv1.Kind_KIND_STATUS, keyword, money(10_000, "USD")), "does not belong"},
		{GoogleAds, change(bidrailv1.Kind_KIND_DAILY_BUDGET, keyword, money(10_000, "USD")), "a keyword has no field for KIND_DAILY_BUDGET"},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, adSet, money(10_000, "USD")), `it is for "meta"`},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, &bidrailv1.Target{Platform: "google_ads", Account: "2"}, money(10_000, "USD")), "in the account 2"},
		{GoogleAds, change(bidrailv1.Kind_KIND_BID, &bidrailv1.Target{Platform: "google_ads", Account: "1", EntityType: "ad", EntityId: "1"}, nil), `no update of a "ad"`},
		{Meta, change(bidrailv1.Kind_KIND_DAILY_BUDGET, adSet, money(15_000, "USD")), "goes in steps"},
		{Meta, change(bidrailv1.Kind_KIND_DAILY_BUDGET, adSet, unlimited()), "no way to say"},
		{AmazonSP, change(bidrailv1.Kind_KIND_BID_MODIFIER, placement, ratio(900_000)), "only takes what is added"},
		{AmazonSP, change(bidrailv1.Kind_KIND_BID_MODIFIER, placement, ratio(1_005_000)), "goes in steps"},
		{Microsoft, change(bidrailv1.Kind_KIND_TARGET_CPA, &bidrailv1.Target{Platform: "microsoft", Account: "1", EntityType: "campaign", EntityId: "6"}, money(10_000, "USD")), "which bidding scheme"},
		{Microsoft, change(bidrailv1.Kind_KIND_BID, &bidrailv1.Target{Platform: "microsoft", Account: "1", EntityType: "keyword", EntityId: "6"}, money(10_000, "USD")), "does not say its AdGroupId"},
	} {
		if written, err := Write(c.format, c.changes, context); err == nil {
			t.Errorf("%v is written as %s", c.changes, written)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, want %q", c.changes, err, c.says)
		}
	}
}
