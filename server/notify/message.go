package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/bidrail/bidrail/store"
)

// mostTogether is how many notices one message tells at most.
const mostTogether = 20

// message is what one receiver is told at once: one notice, or several that belong together.
type message struct {
	// id is the same whenever the same notices are told.
	id         string
	items      []item
	deliveries []store.Delivery // each is of one notice
}

// item is what a message says of one approval. There is nothing in it that not everybody may read.
type item struct {
	ID      string `json:"approval_id"`
	Version int64  `json:"version"`
	State   string `json:"state"`
}

// messagesOf puts the deliveries of one receiver into messages, in their order. Notices that are to be told together are,
// and of several versions of an approval only the newest is told.
func messagesOf(deliveries []store.Delivery) []message {
	var messages []message
	open := map[string]int{} // where notices with that word go
	for _, delivery := range deliveries {
		word := delivery.Notice.Coalesce
		at, found := open[word]
		if word == "" || !found || len(messages[at].deliveries) == mostTogether {
			at = len(messages)
			messages = append(messages, message{})
			open[word] = at
		}
		messages[at].add(delivery)
	}
	for i := range messages {
		messages[i].id = idOf(messages[i].deliveries)
	}
	return messages
}

func (m *message) add(delivery store.Delivery) {
	m.deliveries = append(m.deliveries, delivery)
	told := item{ID: delivery.Notice.Object, Version: delivery.Notice.Version, State: delivery.Notice.State}
	for i, other := range m.items {
		if other.ID == told.ID {
			if told.Version > other.Version {
				m.items[i] = told
			}
			return
		}
	}
	m.items = append(m.items, told)
}

// idOf is the id of a notice, or one made of the ids of several.
func idOf(deliveries []store.Delivery) string {
	if len(deliveries) == 1 {
		return deliveries[0].Notice.ID
	}
	hash := sha256.New()
	for _, delivery := range deliveries {
		_, _ = fmt.Fprintf(hash, "%q", delivery.Notice.ID) // a hash takes everything
	}
	return "notices_" + hex.EncodeToString(hash.Sum(nil)[:16])
}

// link is the address that links begin with, or nil.
type link struct{ base *url.URL }

func linkOf(base string) (link, error) {
	if base == "" {
		return link{}, nil
	}
	read, err := url.Parse(base)
	if err != nil || read.Scheme != "https" && read.Scheme != "http" || read.Host == "" || read.User != nil || read.RawQuery != "" || read.Fragment != "" {
		return link{}, errors.New("link: it must be an address such as https://bidrail.shop.example")
	}
	return link{base: read}, nil
}

// to is where an approval can be looked at: a link, or a command.
func (l link) to(approvalID string) string {
	if l.base == nil {
		return "bidrail approvals show " + approvalID
	}
	return l.base.JoinPath("approvals", url.PathEscape(approvalID)).String()
}

// subject is what a message is about, in one line.
func (m message) subject() string {
	if len(m.items) == 1 {
		return fmt.Sprintf("Approval %s is %s", m.items[0].ID, m.items[0].State)
	}
	return fmt.Sprintf("%d approvals have changed", len(m.items))
}

// text is a message for people: a sentence for each approval, and where it can be looked at after between.
func (m message) text(link link, between string) string {
	var lines []string
	for _, item := range m.items {
		lines = append(lines, fmt.Sprintf("Approval %s is %s (version %d):%s%s", item.ID, item.State, item.Version, between, link.to(item.ID)))
	}
	return strings.Join(lines, "\n")
}
