package pacer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/bidrail/bidrail/client"
	"github.com/bidrail/bidrail/client/examples/data"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// New reads the recorded performance of the campaigns and keywords that the pacer looks after.
func New() (*Pacer, error) {
	pacer := &Pacer{}
	for _, read := range []func() error{pacer.readMicrosoftCampaigns, pacer.readGoogleCampaigns, pacer.readMicrosoftKeywords, pacer.readGoogleKeywords} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	for _, campaign := range pacer.campaigns {
		campaign.budget = campaign.daily
		campaign.first, campaign.last = span(campaign.spend)
		pacer.cover(campaign.first, campaign.last)
	}
	for _, keyword := range pacer.keywords {
		first, last := span(keyword.days)
		pacer.cover(first, last.AddDate(0, 0, 1)) // the last day is learned on the next
	}
	return pacer, nil
}

func (p *Pacer) cover(first, last time.Time) {
	if p.first.IsZero() || first.Before(p.first) {
		p.first = first
	}
	if last.After(p.last) {
		p.last = last
	}
}

func span[Value any](days map[time.Time]Value) (first, last time.Time) {
	sorted := slices.SortedFunc(maps.Keys(days), time.Time.Compare)
	return sorted[0], sorted[len(sorted)-1]
}

func (p *Pacer) readMicrosoftCampaigns() error {
	const file = "msads_campaign_daily.csv"
	budgets, err := data.Read("msads_campaign_history.csv", "id", "name", "account_id", "budget", "budget_id", "budget_type")
	if err != nil {
		return err
	}
	rows, err := data.Read(file, "date", "account_id", "campaign_id", "currency_code", "spend")
	if err != nil {
		return err
	}
	for _, row := range rows {
		id, currency := row.Cell("campaign_id"), row.Cell("currency_code")
		campaign := p.campaign("microsoft", id)
		if campaign == nil {
			// The recorded versions agree on the budget, so any of them will do.
			i := slices.IndexFunc(budgets, func(budget data.Row) bool { return budget.Cell("id") == id })
			if i < 0 {
				return fmt.Errorf("%s: campaign %s has no recorded budget", file, id)
			}
			if campaign, err = microsoftCampaign(budgets[i], currency); err != nil {
				return err
			}
			p.campaigns = append(p.campaigns, campaign)
		}
		day, spend, err := dayAndCost(row, "spend", currency)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		campaign.spend[day] += spend // a day has a row for each device, network and kind of match
	}
	return nil
}

func microsoftCampaign(row data.Row, currency string) (*campaign, error) {
	daily, err := client.ParseMoney(row.Cell("budget"), currency)
	if err != nil {
		return nil, err
	}
	id := row.Cell("id")
	campaign := &campaign{
		target: &bidrailv1.Target{
			Platform: "microsoft", Account: row.Cell("account_id"), Channel: "search",
			Campaign: id, CampaignName: row.Cell("name"), EntityType: "campaign", EntityId: id,
		},
		kind: bidrailv1.Kind_KIND_DAILY_BUDGET, currency: currency, daily: daily.GetMoney().GetMicros(), spend: map[time.Time]int64{},
	}
	if row.Cell("budget_type") == "BudgetSharedStandard" {
		// The amount belongs to a budget of its own, which other campaigns may draw on too.
		campaign.kind = bidrailv1.Kind_KIND_SHARED_BUDGET
		campaign.target.EntityType, campaign.target.EntityId = "budget", row.Cell("budget_id")
	}
	return campaign, nil
}

// The Google export has neither budgets nor a currency.
const (
	googleDaily    = 50_000_000
	googleCurrency = "USD"
)

func (p *Pacer) readGoogleCampaigns() error {
	const file = "google_campaign_stats.csv"
	rows, err := data.Read(file, "date", "customer_id", "id", "cost_micros")
	if err != nil {
		return err
	}
	for _, row := range rows {
		id := row.Cell("id")
		found := p.campaign("google_ads", id)
		if found == nil {
			found = &campaign{
				target: &bidrailv1.Target{
					Platform: "google_ads", Account: row.Cell("customer_id"), Channel: "search",
					Campaign: id, EntityType: "campaign", EntityId: id,
				},
				kind: bidrailv1.Kind_KIND_DAILY_BUDGET, currency: googleCurrency, daily: googleDaily, spend: map[time.Time]int64{},
			}
			p.campaigns = append(p.campaigns, found)
		}
		day, err := row.Time("date")
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		micros, err := strconv.ParseInt(row.Cell("cost_micros"), 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		found.spend[day] += micros
	}
	return nil
}

// campaign finds what has been read of a campaign, or nil.
func (p *Pacer) campaign(platform, id string) *campaign {
	for _, campaign := range p.campaigns {
		if campaign.target.GetPlatform() == platform && campaign.target.GetCampaign() == id {
			return campaign
		}
	}
	return nil
}

func (p *Pacer) readMicrosoftKeywords() error {
	const file = "msads_keyword_daily.csv"
	rows, err := data.Read(file, "date", "account_id", "campaign_id", "ad_group_id", "keyword_id", "currency_code", "clicks", "spend", "conversions")
	if err != nil {
		return err
	}
	for _, row := range rows {
		currency := row.Cell("currency_code")
		day, spend, err := dayAndCost(row, "spend", currency)
		if err == nil {
			err = p.keyword(&bidrailv1.Target{
				Platform: "microsoft", Account: row.Cell("account_id"), Channel: "search", Campaign: row.Cell("campaign_id"),
				AdGroup: row.Cell("ad_group_id"), EntityType: "keyword", EntityId: row.Cell("keyword_id"),
			}, currency).add(day, row, spend)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func (p *Pacer) readGoogleKeywords() error {
	const file = "google_keyword_stats.csv"
	rows, err := data.Read(file, "date", "customer_id", "campaign_id", "ad_group_id", "ad_group_criterion_criterion_id", "clicks", "cost_micros", "conversions")
	if err != nil {
		return err
	}
	for _, row := range rows {
		micros, err := strconv.ParseInt(row.Cell("cost_micros"), 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		day, err := row.Time("date")
		if err == nil {
			err = p.keyword(&bidrailv1.Target{
				Platform: "google_ads", Account: row.Cell("customer_id"), Channel: "search", Campaign: row.Cell("campaign_id"),
				AdGroup: row.Cell("ad_group_id"), EntityType: "keyword", EntityId: row.Cell("ad_group_criterion_criterion_id"),
			}, googleCurrency).add(day, row, micros)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// keyword finds what has been read of a keyword, or begins with it.
func (p *Pacer) keyword(target *bidrailv1.Target, currency string) *keyword {
	for _, keyword := range p.keywords {
		if keyword.target.GetPlatform() == target.GetPlatform() && keyword.target.GetEntityId() == target.GetEntityId() {
			return keyword
		}
	}
	added := &keyword{target: target, currency: currency, days: map[time.Time]counted{}}
	p.keywords = append(p.keywords, added)
	return added
}

// add counts one row. A cell without conversions is a day on which none were counted.
func (k *keyword) add(day time.Time, row data.Row, cost int64) error {
	clicks, err := strconv.ParseInt(row.Cell("clicks"), 10, 64)
	if err != nil {
		return err
	}
	var conversions int64
	if cell := row.Cell("conversions"); cell != "" {
		if conversions, err = strconv.ParseInt(cell, 10, 64); err != nil {
			return err
		}
	}
	sum := k.days[day]
	k.days[day] = counted{sum.clicks + clicks, sum.cost + cost, sum.conversions + conversions}
	return nil
}

func dayAndCost(row data.Row, column, currency string) (time.Time, int64, error) {
	day, err := row.Time("date")
	if err != nil {
		return time.Time{}, 0, err
	}
	cost, err := client.ParseMoney(row.Cell(column), currency)
	return day, cost.GetMoney().GetMicros(), err
}
