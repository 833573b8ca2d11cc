package recorded

import (
	"fmt"
	"slices"

	"github.com/bidrail/bidrail/client"
	"github.com/bidrail/bidrail/client/examples/data"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// currency is that of the accounts. Only Microsoft's export names one; for the others it is an assumption.
const currency = "USD"

// source is a file of versions: when each row holds from, and what it says.
type source struct {
	file    string
	at      string   // the column with the time that a row holds from
	created string   // the column with the time of creation; "": the export has none that can be compared with it
	columns []string // the others that describe needs
	// describe fills in the target and the fields of a version.
	describe func(data.Row, *version) error
}

var sources = []source{
	{"amazon_campaign_history.csv", "last_updated_date", "creation_date",
		[]string{"id", "profile_id", "portfolio_id", "name", "budget", "budget_type", "state"}, amazonCampaign},
	{"amazon_ad_group_history.csv", "last_updated_date", "creation_date",
		[]string{"id", "campaign_id", "name", "default_bid", "state"}, amazonAdGroup},
	{"amazon_keyword_history.csv", "last_updated_date", "creation_date",
		[]string{"id", "campaign_id", "ad_group_id", "bid", "state"}, amazonKeyword},
	{"msads_campaign_history.csv", "modified_time", "",
		[]string{"id", "account_id", "name", "status", "budget", "budget_id", "budget_type"}, microsoftCampaign},
	{"google_campaign_history.csv", "updated_at", "",
		[]string{"id", "customer_id", "name", "status"}, googleCampaign},
	{"google_ad_group_criterion_history.csv", "updated_at", "",
		[]string{"id", "ad_group_id", "base_campaign_id", "status"}, googleKeyword},
	{"tiktok_campaign_history.csv", "UPDATED_AT", "CREATE_TIME",
		[]string{"CAMPAIGN_ID", "ADVERTISER_ID", "CAMPAIGN_NAME", "BUDGET", "BUDGET_MODE", "OPERATION_STATUS"}, tiktokCampaign},
	{"tiktok_adgroup_history.csv", "UPDATED_AT", "CREATE_TIME",
		[]string{"ADGROUP_ID", "ADVERTISER_ID", "CAMPAIGN_ID", "BUDGET", "BUDGET_MODE", "OPERATION_STATUS"}, tiktokAdGroup},
}

func (s source) read() ([]version, error) {
	columns := append([]string{s.at}, s.columns...)
	if s.created != "" {
		columns = append(columns, s.created)
	}
	rows, err := data.Read(s.file, columns...)
	if err != nil {
		return nil, err
	}
	var versions []version
	for i, row := range rows {
		each := version{fields: map[bidrailv1.Kind]*bidrailv1.Value{}}
		if each.at, err = row.Time(s.at); err == nil && s.created != "" {
			each.created, err = row.Time(s.created)
		}
		if err == nil {
			err = s.describe(row, &each)
		}
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		versions = append(versions, each)
	}
	return versions, nil
}

// money sets a field to an amount, unless the cell is empty.
func (v *version) money(kind bidrailv1.Kind, amount string) error {
	if amount == "" {
		return nil
	}
	value, err := client.ParseMoney(amount, currency)
	v.fields[kind] = value
	return err
}

// text sets a field to a word, unless the cell is empty.
func (v *version) text(kind bidrailv1.Kind, word string) {
	if word != "" {
		v.fields[kind] = client.Text(word)
	}
}

// amazonProfile is the one profile that the campaigns name; the files of ad groups and keywords name none.
const amazonProfile = "66"

func amazonCampaign(row data.Row, v *version) error {
	v.target = &bidrailv1.Target{
		Platform: "amazon_ads", Account: row.Cell("profile_id"), Channel: "retail_media", Portfolio: row.Cell("portfolio_id"),
		Campaign: row.Cell("id"), CampaignName: row.Cell("name"), EntityType: "campaign", EntityId: row.Cell("id"),
	}
	v.text(bidrailv1.Kind_KIND_NAME, row.Cell("name"))
	v.text(bidrailv1.Kind_KIND_STATUS, row.Cell("state"))
	if period := row.Cell("budget_type"); period != "daily" {
		return fmt.Errorf("a budget of type %q is not known", period)
	}
	return v.money(bidrailv1.Kind_KIND_DAILY_BUDGET, row.Cell("budget"))
}

func amazonAdGroup(row data.Row, v *version) error {
	v.target = &bidrailv1.Target{
		Platform: "amazon_ads", Account: amazonProfile, Channel: "retail_media", Campaign: row.Cell("campaign_id"),
		AdGroup: row.Cell("id"), EntityType: "ad_group", EntityId: row.Cell("id"),
	}
	v.text(bidrailv1.Kind_KIND_STATUS, row.Cell("state"))
	return v.money(bidrailv1.Kind_KIND_DEFAULT_BID, row.Cell("default_bid"))
}

func amazonKeyword(row data.Row, v *version) error {
	v.target = &bidrailv1.Target{
		Platform: "amazon_ads", Account: amazonProfile, Channel: "retail_media", Campaign: row.Cell("campaign_id"),
		AdGroup: row.Cell("ad_group_id"), EntityType: "keyword", EntityId: row.Cell("id"),
	}
	v.text(bidrailv1.Kind_KIND_STATUS, row.Cell("state"))
	return v.money(bidrailv1.Kind_KIND_BID, row.Cell("bid"))
}

func microsoftCampaign(row data.Row, v *version) error {
	v.target = &bidrailv1.Target{
		Platform: "microsoft", Account: row.Cell("account_id"), Channel: "search", Campaign: row.Cell("id"),
		CampaignName: row.Cell("name"), EntityType: "campaign", EntityId: row.Cell("id"),
	}
	v.text(bidrailv1.Kind_KIND_NAME, row.Cell("name"))
	v.text(bidrailv1.Kind_KIND_STATUS, row.Cell("status"))
	v.text(bidrailv1.Kind_KIND_BUDGET_TYPE, row.Cell("budget_type"))
	return v.money(bidrailv1.Kind_KIND_DAILY_BUDGET, row.Cell("budget"))
}

func googleCampaign(row data.Row, v *version) error {
	v.target = &bidrailv1.Target{
		Platform: "google_ads", Account: row.Cell("customer_id"), Channel: "search", Campaign: row.Cell("id"),
		CampaignName: row.Cell("name"), EntityType: "campaign", EntityId: row.Cell("id"),
	}
	v.text(bidrailv1.Kind_KIND_NAME, row.Cell("name"))
	v.text(bidrailv1.Kind_KIND_STATUS, row.Cell("status"))
	return nil
}

// googleCustomer is the one account that the campaigns name; the file of keywords names none.
const googleCustomer = "2121450128"

func googleKeyword(row data.Row, v *version) error {
	v.target = &bidrailv1.Target{
		Platform: "google_ads", Account: googleCustomer, Channel: "search", Campaign: row.Cell("base_campaign_id"),
		AdGroup: row.Cell("ad_group_id"), EntityType: "keyword", EntityId: row.Cell("id"),
	}
	v.text(bidrailv1.Kind_KIND_STATUS, row.Cell("status"))
	return nil
}

func tiktokCampaign(row data.Row, v *version) error {
	v.target = &bidrailv1.Target{
		Platform: "tiktok", Account: row.Cell("ADVERTISER_ID"), Channel: "social", Campaign: row.Cell("CAMPAIGN_ID"),
		CampaignName: row.Cell("CAMPAIGN_NAME"), EntityType: "campaign", EntityId: row.Cell("CAMPAIGN_ID"),
	}
	v.text(bidrailv1.Kind_KIND_STATUS, row.Cell("OPERATION_STATUS"))
	return v.tiktokBudget(row)
}

func tiktokAdGroup(row data.Row, v *version) error {
	v.target = &bidrailv1.Target{
		Platform: "tiktok", Account: row.Cell("ADVERTISER_ID"), Channel: "social", Campaign: row.Cell("CAMPAIGN_ID"),
		AdGroup: row.Cell("ADGROUP_ID"), EntityType: "ad_group", EntityId: row.Cell("ADGROUP_ID"),
	}
	v.text(bidrailv1.Kind_KIND_STATUS, row.Cell("OPERATION_STATUS"))
	return v.tiktokBudget(row)
}

// tiktokBudget reads the budget by its mode: the amount beside BUDGET_MODE_INFINITE is 0 and means no limit, which is not zero.
func (v *version) tiktokBudget(row data.Row) error {
	switch mode := row.Cell("BUDGET_MODE"); mode {
	case "BUDGET_MODE_INFINITE":
		v.fields[bidrailv1.Kind_KIND_DAILY_BUDGET] = client.Unlimited()
		return nil
	case "BUDGET_MODE_DAY":
		return v.money(bidrailv1.Kind_KIND_DAILY_BUDGET, row.Cell("BUDGET"))
	case "BUDGET_MODE_TOTAL":
		return v.money(bidrailv1.Kind_KIND_LIFETIME_BUDGET, row.Cell("BUDGET"))
	default:
		return fmt.Errorf("the budget mode %q is not known", mode)
	}
}

// addBudgets tells the edits of bids what the daily budget of their campaign was then, where the histories know it.
func addBudgets(histories []History) {
	edits := Edits(histories)
	for _, history := range histories {
		for i := range history.Edits {
			edit := &history.Edits[i]
			if edit.Kind != bidrailv1.Kind_KIND_BID && edit.Kind != bidrailv1.Kind_KIND_DEFAULT_BID {
				continue
			}
			for _, other := range slices.Backward(edits) {
				if other.Kind == bidrailv1.Kind_KIND_DAILY_BUDGET && !other.At.After(edit.At) &&
					other.Target.GetPlatform() == edit.Target.GetPlatform() && other.Target.GetEntityId() == edit.Target.GetCampaign() {
					edit.Facts = map[string]*bidrailv1.Value{"daily_budget": other.After}
					break
				}
			}
		}
	}
}
