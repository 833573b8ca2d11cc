package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type deliveriesCommand struct {
	List deliveriesListCommand `cmd:"" help:"List what is told to whom outside, the newest first: --state given_up for what did not get through."`
}

type deliveriesListCommand struct {
	connection
	State  string `help:"Only these: waiting, delivered or given_up." enum:",waiting,delivered,given_up" default:""`
	Limit  int    `short:"n" help:"At most so many; 0 for all." default:"50"`
	Output string `short:"o" help:"table or json." enum:"table,json" default:"table"`
}

func (c *deliveriesListCommand) Run(ctx context.Context, env environment) error {
	all := &bidrailv1.ListDeliveriesResponse{}
	state := bidrailv1.DeliveryState(bidrailv1.DeliveryState_value["DELIVERY_STATE_"+strings.ToUpper(c.State)])
	var err error
	all.Deliveries, all.NextPageToken, err = fetchPages(c.Limit, func(size int32, token string) (deliveries []*bidrailv1.Delivery, next string, err error) {
		err = c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			page, err := bidrailv1.NewApprovalServiceClient(conn).ListDeliveries(ctx, &bidrailv1.ListDeliveriesRequest{PageSize: size, PageToken: token, State: state})
			deliveries, next = page.GetDeliveries(), page.GetNextPageToken()
			return err
		})
		return deliveries, next, err
	})
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	switch {
	case c.Output == "json":
		return printJSON(out, all)
	case len(all.GetDeliveries()) == 0:
		_, err := fmt.Fprintln(out, "no deliveries match")
		return err
	}
	if err := printDeliveries(out, all.GetDeliveries()); err != nil {
		return err
	}
	if all.GetNextPageToken() != "" {
		fmt.Fprintf(env.stderr, "there are more; --limit 0 shows all\n")
	}
	return nil
}

func printDeliveries(out screen, deliveries []*bidrailv1.Delivery) error {
	var rows [][]string
	for _, d := range deliveries {
		state := strings.TrimPrefix(d.GetState().String(), "DELIVERY_STATE_")
		if d.GetState() == bidrailv1.DeliveryState_DELIVERY_STATE_GIVEN_UP {
			state = out.colour(red, state)
		}
		rows = append(rows, []string{timeCell(d.GetCreatedAt()), clean(d.GetReceiver()), state, strconv.Itoa(int(d.GetAttempts())), timeCell(d.GetDueAt()),
			clean(fmt.Sprintf("%s v%d %s", d.GetObject(), d.GetVersion(), d.GetObjectState())), clean(strings.Join(d.GetGroups(), ", ")), clean(d.GetLastError())})
	}
	return out.table([]string{"SINCE (UTC)", "RECEIVER", "STATE", "TRIED", "NEXT (UTC)", "ABOUT", "ASKS", "LAST ERROR"}, rows)
}
