package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Digest identifies exactly what was asked for: SHA-256 over the canonical form of the change, as
// "sha256:" and lower-case hex. Two changes have the same digest when every field is equal but the
// batch, which says how a change travelled and not what it is: a retry may travel another way.
//
// The canonical form is "bidrail.change.v1" and then, for each field in the order of [Change],
// its name, its value and a line break. Names and text are written with their length in bytes in
// front ("3:EUR"), integers in decimal, times as seconds since 1970, a dot and nanoseconds, or "-",
// maps sorted by key. What came later, the regions and audiences of target and change, stands behind the rest and is written only
// where there is any, so that changes from before have the digest that they had. There are no floats and nothing depends on an encoder's choices. The facts of
// a change are always its caller's, so that they are is not written.
func (c *Change) Digest() string {
	w := canonical{buffer: make([]byte, 0, 1024)}
	w.line("bidrail.change.v1")
	w.text("change_id", c.ID)
	w.text("atomic_group_id", c.AtomicGroupID)
	w.text("kind", c.Kind.String())
	w.text("target.platform", c.Target.Platform)
	w.text("target.account", c.Target.Account)
	w.text("target.channel", c.Target.Channel)
	w.text("target.portfolio", c.Target.Portfolio)
	w.text("target.campaign", c.Target.Campaign)
	w.text("target.campaign_name", c.Target.CampaignName)
	w.text("target.ad_group", c.Target.AdGroup)
	w.text("target.entity_type", c.Target.EntityType)
	w.text("target.entity_id", c.Target.EntityID)
	w.texts("target.labels", c.Target.Labels)
	w.value("before", c.Before)
	w.time("before_observed_at", c.BeforeObservedAt)
	w.value("after", c.After)
	w.text("actor.automation", c.Actor.Automation)
	w.text("actor.version", c.Actor.Version)
	w.text("actor.run", c.Actor.Run)
	w.text("reason.code", c.Reason.Code)
	w.text("reason.text", c.Reason.Text)
	w.texts("reason.evidence", c.Reason.Evidence)
	w.text("experiment_id", c.ExperimentID)
	w.text("promo_id", c.PromoID)
	w.time("effective_at", c.EffectiveAt)
	w.time("revert_at", c.RevertAt)
	w.count("facts", len(c.Facts))
	for _, name := range slices.Sorted(maps.Keys(c.Facts)) {
		fact := c.Facts[name]
		w.text("fact", name)
		w.value("value", fact.Value)
		w.time("observed_at", fact.ObservedAt)
		w.text("source", fact.Source)
	}
	w.count("field_mask", len(c.FieldMask))
	for _, field := range c.FieldMask {
		w.text("field", field)
	}
	w.text("parent_id", c.ParentID)
	w.list("target.geos", c.Target.Geos)
	w.list("target.audiences", c.Target.Audiences)
	w.list("geos", c.Geos)
	w.list("audiences", c.Audiences)
	return w.digest()
}

// GroupDigest identifies an atomic group: SHA-256 over the sorted digests of its legs.
func GroupDigest(legs []*Change) string {
	digests := make([]string, len(legs))
	for i, leg := range legs {
		digests[i] = leg.Digest()
	}
	slices.SortFunc(digests, cmp.Compare)
	w := canonical{buffer: make([]byte, 0, 1024)}
	w.line("bidrail.group.v1")
	for _, digest := range digests {
		w.text("leg", digest)
	}
	return w.digest()
}

type canonical struct{ buffer []byte }

func (w *canonical) digest() string {
	sum := sha256.Sum256(w.buffer)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (w *canonical) line(text string) { w.buffer = append(append(w.buffer, text...), '\n') }

func (w *canonical) text(name, text string) {
	w.buffer = append(append(w.buffer, name...), ' ')
	w.buffer = strconv.AppendInt(w.buffer, int64(len(text)), 10)
	w.buffer = append(w.buffer, ':')
	w.line(text)
}

func (w *canonical) count(name string, count int) {
	w.buffer = append(append(w.buffer, name...), ' ')
	w.buffer = append(strconv.AppendInt(w.buffer, int64(count), 10), '\n')
}

// list writes nothing of an empty list.
func (w *canonical) list(name string, texts []string) {
	if len(texts) == 0 {
		return
	}
	w.count(name, len(texts))
	for _, text := range texts {
		w.text("item", text)
	}
}

func (w *canonical) texts(name string, texts map[string]string) {
	w.count(name, len(texts))
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		w.text("key", key)
		w.text("value", texts[key])
	}
}

func (w *canonical) value(name string, value Value) {
	w.buffer = append(append(w.buffer, name...), ' ')
	w.buffer = append(append(w.buffer, value.Form.String()...), ' ')
	w.buffer = append(strconv.AppendInt(w.buffer, value.Amount, 10), ' ')
	w.buffer = append(strconv.AppendBool(w.buffer, value.Flag), '\n')
	w.text("currency", value.Currency)
	w.text("text", value.Text)
}

func (w *canonical) time(name string, at time.Time) {
	w.buffer = append(append(w.buffer, name...), ' ')
	if at.IsZero() {
		w.line("-")
		return
	}
	// Seconds and nanoseconds apart: UnixNano is only defined until 2262.
	w.buffer = append(strconv.AppendInt(w.buffer, at.Unix(), 10), '.')
	w.buffer = append(strconv.AppendInt(w.buffer, int64(at.Nanosecond()), 10), '\n')
}
