package notify

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Webhook is a receiver that gets signed HTTP requests, as Standard Webhooks has them.
type Webhook struct {
	Receiver
	// URL is where requests go.
	URL string
	// Secret is what they are signed with: whsec_ and base64 of 24 to 64 bytes.
	Secret Secret
}

type webhook struct {
	target *url.URL
	signer *standardwebhooks.Webhook
	client *http.Client
}

func newWebhook(settings Webhook, network network) (*webhook, error) {
	target, err := addressOf(settings.URL)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(settings.Secret), "whsec_"))
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("its secret must be whsec_ and the base64 of 24 to 64 random bytes")
	}
	signer, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return nil, errors.New("its secret is refused")
	}
	return &webhook{target: target, signer: signer, client: network.client(target)}, nil
}

// body is the ping: what has changed, and nothing of what it is.
func (m message) body() ([]byte, error) {
	if len(m.items) == 1 {
		return json.Marshal(struct {
			Type string `json:"type"`
			item
			Notices int `json:"notices"`
		}{"approval.changed", m.items[0], len(m.deliveries)})
	}
	return json.Marshal(struct {
		Type      string `json:"type"`
		Approvals []item `json:"approvals"`
		Notices   int    `json:"notices"`
	}{"approvals.changed", m.items, len(m.deliveries)})
}

func (w *webhook) send(ctx context.Context, message message) error {
	body, err := message.body()
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	// The receiver compares this with its own clock, so it is that of the machine and not that of the store.
	now := time.Now()
	signature, err := w.signer.Sign(message.id, now, body)
	if err != nil {
		return errors.New("the request could not be signed")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.target.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("its address is refused")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(standardwebhooks.HeaderWebhookID, message.id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return post(w.client, request)
}
