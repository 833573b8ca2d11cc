package grpcapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/auth"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/servertest"
)

// spendOf is what a keyword has spent, as it was observed when the clock started.
func spendOf(keyword string, cents int64) *bidrailv1.EntityFact {
	return &bidrailv1.EntityFact{
		Entity: &bidrailv1.Entity{Platform: "google_ads", Account: "example", EntityType: "keyword", EntityId: keyword},
		Name:   "spend_today", Value: servertest.Cents(cents), ObservedAt: timestamppb.New(servertest.Start),
		CompleteThrough: timestamppb.New(servertest.Start.Add(-3 * time.Hour)), MaximumAge: durationpb.New(time.Hour), Source: "google_ads.report",
	}
}

func TestFacts(t *testing.T) {
	s := servertest.New(t)
	connector := s.Call(t, "meter", policy.RoleConnector)
	facts := []*bidrailv1.EntityFact{spendOf("a", 500), spendOf("b", 700), spendOf("b", 700)}
	response, err := connector.Registry.PutFacts(t.Context(), &bidrailv1.PutFactsRequest{Facts: facts})
	if err != nil || response.GetStored() != 2 || response.GetOutdated() != 1 {
		t.Fatalf("got %v, %v; want two stored", response, err)
	}
	s.Clock.Advance(2 * time.Hour)
	newer := spendOf("b", 900)
	newer.ObservedAt = timestamppb.New(s.Clock.Now())
	if response, err = connector.Registry.PutFacts(t.Context(), &bidrailv1.PutFactsRequest{Facts: []*bidrailv1.EntityFact{spendOf("a", 1), newer}}); err != nil ||
		response.GetStored() != 1 || response.GetOutdated() != 1 {
		t.Errorf("got %v, %v; want one stored", response, err)
	}
	want := []*bidrailv1.EntityFact{proto.CloneOf(facts[0]), proto.CloneOf(newer)}
	want[0].PutBy, want[1].PutBy, want[0].Stale = "meter", "meter", true
	var got []*bidrailv1.EntityFact
	for token := ""; ; {
		listed, err := s.Auditor.Registry.ListFacts(t.Context(), &bidrailv1.ListFactsRequest{Platform: "google_ads", Account: "example", EntityType: "keyword", Name: "spend_today", PageSize: 1, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, listed.GetFacts()...)
		if token = listed.GetNextPageToken(); token == "" {
			break
		}
	}
	if difference := cmp.Diff(want, got, protocmp.Transform()); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
	one, err := s.Auditor.Registry.ListFacts(t.Context(), &bidrailv1.ListFactsRequest{Platform: "google_ads", Account: "example", EntityType: "keyword", EntityId: "b"})
	if err != nil || len(one.GetFacts()) != 1 {
		t.Errorf("of one keyword: %v, %v", one, err)
	}
	_, err = s.Automation.Registry.PutFacts(t.Context(), &bidrailv1.PutFactsRequest{Facts: facts})
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
	_, err = s.Automation.Registry.ListFacts(t.Context(), &bidrailv1.ListFactsRequest{})
	wantCode(t, err, codes.PermissionDenied, "FORBIDDEN")
}

// Every field of a fact is read, and every field comes back.
func TestFactConversion(t *testing.T) {
	message, next := &bidrailv1.EntityFact{}, int64(0)
	fill(message.ProtoReflect(), &next)
	record := grpcapi.Fact(message)
	if record.PutBy != "" || !record.PutAt.IsZero() {
		t.Errorf("whose it is, is believed: %+v", record)
	}
	record.PutBy = message.GetPutBy()
	if difference := cmp.Diff(message, grpcapi.FactMessage(server.ListedFact{Record: record, Stale: true}), protocmp.Transform()); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}

func TestMalformedFacts(t *testing.T) {
	s := servertest.New(t)
	connector := s.Call(t, "meter", policy.RoleConnector)
	for name, test := range map[string]struct {
		spoil func(*bidrailv1.EntityFact)
		field string // after facts[1].
	}{
		"no entity":        {func(f *bidrailv1.EntityFact) { f.Entity = nil }, "entity"},
		"no platform":      {func(f *bidrailv1.EntityFact) { f.Entity.Platform = "" }, "entity.platform"},
		"a long account":   {func(f *bidrailv1.EntityFact) { f.Entity.Account = strings.Repeat("x", 257) }, "entity.account"},
		"no type":          {func(f *bidrailv1.EntityFact) { f.Entity.EntityType = "" }, "entity.entity_type"},
		"no id":            {func(f *bidrailv1.EntityFact) { f.Entity.EntityId = "" }, "entity.entity_id"},
		"a NUL":            {func(f *bidrailv1.EntityFact) { f.Entity.EntityId = "a\x00b" }, "entity.entity_id"},
		"no name":          {func(f *bidrailv1.EntityFact) { f.Name = "" }, "name"},
		"an unknown name":  {func(f *bidrailv1.EntityFact) { f.Name = "spend_tomorrow" }, "name"},
		"no value":         {func(f *bidrailv1.EntityFact) { f.Value = nil }, "value"},
		"an empty value":   {func(f *bidrailv1.EntityFact) { f.Value = &bidrailv1.Value{} }, "value.value"},
		"a negative value": {func(f *bidrailv1.EntityFact) { f.Value = servertest.Cents(-1) }, "value.money.micros"},
		"another type":     {func(f *bidrailv1.EntityFact) { f.Name = "conversions_30d" }, "value"},
		"no time":          {func(f *bidrailv1.EntityFact) { f.ObservedAt = nil }, "observed_at"},
		"the year 2500":    {func(f *bidrailv1.EntityFact) { f.ObservedAt = &timestamppb.Timestamp{Seconds: 16_725_225_600} }, "observed_at"},
		"no time at all":   {func(f *bidrailv1.EntityFact) { f.ObservedAt = &timestamppb.Timestamp{Nanos: -1} }, "observed_at"},
		"tomorrow":         {func(f *bidrailv1.EntityFact) { f.ObservedAt = timestamppb.New(servertest.Start.Add(24 * time.Hour)) }, "observed_at"},
		"complete too soon": {func(f *bidrailv1.EntityFact) {
			f.CompleteThrough = timestamppb.New(servertest.Start.Add(time.Microsecond))
		}, "complete_through"},
		"no maximum age":     {func(f *bidrailv1.EntityFact) { f.MaximumAge = nil }, "maximum_age"},
		"an age of zero":     {func(f *bidrailv1.EntityFact) { f.MaximumAge = durationpb.New(0) }, "maximum_age"},
		"no source":          {func(f *bidrailv1.EntityFact) { f.Source = "" }, "source"},
		"a source with \xff": {func(f *bidrailv1.EntityFact) { f.Source = "\xff" }, "source"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := spendOf("b", 1)
			test.spoil(bad)
			_, err := connector.Registry.PutFacts(t.Context(), &bidrailv1.PutFactsRequest{Facts: []*bidrailv1.EntityFact{spendOf("a", 1), bad}})
			if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); !slices.Contains(got, "facts[1]."+test.field) {
				t.Errorf("got fields %v, want facts[1].%s", got, test.field)
			}
		})
	}
	for _, facts := range [][]*bidrailv1.EntityFact{nil, slices.Repeat([]*bidrailv1.EntityFact{spendOf("a", 1)}, server.MaxFacts+1)} {
		_, err := connector.Registry.PutFacts(t.Context(), &bidrailv1.PutFactsRequest{Facts: facts})
		if got := fields(wantCode(t, err, codes.InvalidArgument, "INVALID")); !slices.Contains(got, "facts") {
			t.Errorf("%d facts: got fields %v", len(facts), got)
		}
	}
	for name, request := range map[string]*bidrailv1.ListFactsRequest{
		"an account alone": {Account: "example"}, "an id alone": {Platform: "google_ads", Account: "example", EntityId: "a"}, "a made-up token": {PageToken: "fx"},
		"a page of 1,001": {PageSize: 1001}, "a page of -1": {PageSize: -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Auditor.Registry.ListFacts(t.Context(), request)
			wantCode(t, err, codes.InvalidArgument, "INVALID")
		})
	}
	if listed, err := s.Auditor.Registry.ListFacts(t.Context(), &bidrailv1.ListFactsRequest{}); err != nil || len(listed.GetFacts()) != 0 {
		t.Errorf("what was refused is there: %v, %v", listed, err)
	}
}

// A full call passes both doors.
func TestFullCallOfFacts(t *testing.T) {
	s := servertest.New(t)
	connector := s.Call(t, "meter", policy.RoleConnector)
	request := &bidrailv1.PutFactsRequest{}
	for i := range server.MaxFacts {
		request.Facts = append(request.Facts, spendOf(fmt.Sprintf("a-keyword-with-rather-a-long-id-%06d", i), 1))
	}
	response, err := connector.Registry.PutFacts(t.Context(), request)
	if err != nil || response.GetStored() != server.MaxFacts {
		t.Fatalf("got %v, %v", response, err)
	}
	address := "http://" + gateway(t, s)
	body, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if code, answer := send(t, "POST", address+"/v1/facts", string(body), auth.DevelopmentHeader, "meter;connector"); code != 200 || !strings.Contains(answer, fmt.Sprint(server.MaxFacts)) {
		t.Errorf("as JSON of %d bytes: %d %.300s", len(body), code, answer)
	}
	code, answer := send(t, "GET", address+"/v1/facts?platform=google_ads&account=example&page_size=1", "", auth.DevelopmentHeader, "olu;auditor")
	listed := &bidrailv1.ListFactsResponse{}
	if err := protojson.Unmarshal([]byte(answer), listed); code != 200 || err != nil || len(listed.GetFacts()) != 1 || listed.GetNextPageToken() == "" {
		t.Errorf("listed as JSON: %d %v %.300s", code, err, answer)
	}
	if code, answer := send(t, "POST", address+"/v1/facts", `{"facts": [{"entity": {"entity_type": "keyword", "entity_id": "1"}}]}`, auth.DevelopmentHeader, "meter;connector"); code != 400 ||
		!strings.Contains(answer, "facts[0].name") {
		t.Errorf("half a fact: %d %s", code, answer)
	}
}
