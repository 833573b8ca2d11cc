package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/googlechat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/mattermost"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/rocketchat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/slack"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/specialized/generic"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// Chat is a receiver that gets messages in a room of a chat service.
type Chat struct {
	Receiver
	// URL names service and room as shoutrrr does, such as slack://hook:AAA-BBB-CCC@webhook. Whoever has it can write there.
	URL Secret
}

// chatServices are the services that can be written to, by the scheme of their URLs. shoutrrr reads the URL and writes the
// message, and network sends it: shoutrrr's own clients cannot be told which addresses to keep away from, follow redirects,
// and put the URL into their errors. A service whose message shoutrrr does not give away is therefore not here.
var chatServices = map[string]func(serviceURL *url.URL) (room, error){
	slack.Scheme:      slackRoom,
	discord.Scheme:    discordRoom,
	mattermost.Scheme: mattermostRoom,
	rocketchat.Scheme: rocketchatRoom,
	googlechat.Scheme: googlechatRoom,
	generic.Scheme:    genericRoom,
}

// room is where to, and in which form.
type room struct {
	method string // empty: POST
	target string
	header http.Header
	body   func(text string) ([]byte, error)
}

type chat struct {
	room   room
	link   link
	client *http.Client
}

// newChat says nothing of the URL in its errors, and so nothing of the reasons that the service's package gives.
func newChat(settings Chat, link link, network network) (*chat, error) {
	wrong := errors.New("its URL cannot be read; write it as shoutrrr's documentation has it for the service")
	serviceURL, err := url.Parse(string(settings.URL))
	if err != nil {
		return nil, wrong
	}
	roomOf, known := chatServices[serviceURL.Scheme]
	if !known {
		return nil, fmt.Errorf("its URL is of a service that cannot be written to; these can: %s", strings.Join(slices.Sorted(maps.Keys(chatServices)), ", "))
	}
	room, err := roomOf(serviceURL)
	if err != nil {
		return nil, wrong
	}
	target, err := addressOf(room.target)
	if err != nil {
		return nil, wrong
	}
	return &chat{room: room, link: link, client: network.client(target)}, nil
}

func (c *chat) send(ctx context.Context, message message) error {
	body, err := c.room.body(message.text(c.link, " "))
	if err != nil {
		return errors.New("the message could not be written")
	}
	method := c.room.method
	if method == "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, c.room.target, bytes.NewReader(body))
	if err != nil {
		return errors.New("its URL is refused")
	}
	request.Header.Set("Content-Type", "application/json")
	maps.Copy(request.Header, c.room.header)
	return post(c.client, request)
}

var errURL = errors.New("not a URL of this service")

func slackRoom(serviceURL *url.URL) (room, error) {
	config, err := slack.CreateConfigFromURL(serviceURL)
	if err != nil {
		return room{}, err
	}
	if config.Token.IsAPIToken() {
		return room{}, errURL // what the API answers to it is 200 whether or not it took the message
	}
	return room{target: config.Token.WebhookURL(), body: func(text string) ([]byte, error) {
		return json.Marshal(slack.CreateJSONPayload(config, text))
	}}, nil
}

func discordRoom(serviceURL *url.URL) (room, error) {
	var config discord.Config
	if err := config.SetURL(serviceURL); err != nil {
		return room{}, err
	}
	if config.JSON {
		return room{}, errURL // it takes a text for a whole message
	}
	return room{target: discord.CreateAPIURLFromConfig(&config), body: func(text string) ([]byte, error) {
		// The first batch holds all that a message of ours can have.
		payload, err := discord.CreatePayloadFromItems(discord.CreateItemsFromPlain(text, false)[0], config.Title, config.LevelColors())
		if err != nil {
			return nil, err
		}
		payload.Username, payload.AvatarURL = config.Username, config.Avatar
		return json.Marshal(payload)
	}}, nil
}

func mattermostRoom(serviceURL *url.URL) (room, error) {
	config, err := mattermost.CreateConfigFromURL(serviceURL)
	if err != nil {
		return room{}, err
	}
	target := url.URL{Scheme: "https", Host: config.Host, Path: "/hooks/" + config.Token}
	if config.DisableTLS {
		target.Scheme = "http"
	}
	return room{target: target.String(), body: func(text string) ([]byte, error) {
		return mattermost.CreateJSONPayload(config, text, nil)
	}}, nil
}

func rocketchatRoom(serviceURL *url.URL) (room, error) {
	var config rocketchat.Config
	if err := config.SetURL(serviceURL); err != nil {
		return room{}, err
	}
	target := url.URL{Scheme: "https", Host: config.Host, Path: "/hooks/" + config.TokenA + "/" + config.TokenB}
	if config.Port != "" {
		target.Host = net.JoinHostPort(config.Host, config.Port)
	}
	return room{target: target.String(), body: func(text string) ([]byte, error) {
		return rocketchat.CreateJSONPayload(&config, text, nil)
	}}, nil
}

func googlechatRoom(serviceURL *url.URL) (room, error) {
	var config googlechat.Config
	if err := config.SetURL(serviceURL); err != nil {
		return room{}, err
	}
	query := url.Values{"key": {config.Key}, "token": {config.Token}}
	target := url.URL{Scheme: "https", Host: config.Host, Path: config.Path, RawQuery: query.Encode()}
	return room{target: target.String(), body: func(text string) ([]byte, error) {
		return json.Marshal(googlechat.JSON{Text: text})
	}}, nil
}

func genericRoom(serviceURL *url.URL) (room, error) {
	config, _ := generic.DefaultConfig()
	if err := config.SetURL(serviceURL); err != nil {
		return room{}, err
	}
	if config.RequestMethod != http.MethodPost && config.RequestMethod != http.MethodPut || config.Template != "" && !strings.EqualFold(config.Template, generic.JSONTemplate) {
		return room{}, errURL
	}
	contentType := config.ContentType
	if config.Template == "" {
		contentType = "text/plain; charset=utf-8"
	}
	header := http.Header{"Content-Type": {contentType}}
	for name, values := range serviceURL.Query() {
		if name, ok := strings.CutPrefix(name, string(generic.HeaderPrefixChar)); ok {
			header.Set(name, values[0])
		}
	}
	service := generic.Service{Config: config}
	return room{method: config.RequestMethod, target: config.WebhookURL().String(), header: header, body: func(text string) ([]byte, error) {
		parameters := types.Params{config.MessageKey: text}
		if config.Title != "" {
			parameters[config.TitleKey] = config.Title
		}
		reader, err := service.GetPayload(config, parameters)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(reader)
	}}, nil
}
