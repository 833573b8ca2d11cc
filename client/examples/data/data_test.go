package data

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	rows, err := Read("msads_campaign_daily.csv", "date", "spend")
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2630 {
		t.Errorf("got %d rows, want 2630", len(rows))
	}
	for i, row := range rows {
		if _, err := row.Time("date"); err != nil {
			t.Errorf("row %d: %v", i+1, err)
		}
	}
	if _, err := Read("msads_campaign_daily.csv", "no such column"); err == nil || !strings.Contains(err.Error(), "no such column") {
		t.Errorf("a column that is not there: got %v, want it named", err)
	}
	if _, err := Read("no-such-file.csv"); err == nil {
		t.Error("a file that is not there was read")
	}
}
