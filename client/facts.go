package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// MaxFacts is how many facts one call of the service takes.
const MaxFacts = 10_000

// PutFacts brings what a connector has observed, in as many calls as it takes, and says how many facts were new. The others were observed
// no later than what the service has already. Each call is stored whole or not at all; after an error, stored says how many of the
// calls before it were new, and all may be put again. The connection needs the role connector.
func (c *Client) PutFacts(ctx context.Context, facts ...*bidrailv1.EntityFact) (stored int, err error) {
	if len(facts) == 0 {
		return 0, errors.New("PutFacts: no facts given")
	}
	put := 0
	for part := range slices.Chunk(facts, MaxFacts) {
		response, err := call(ctx, c.retry, func(ctx context.Context) (*bidrailv1.PutFactsResponse, error) {
			return c.registry.PutFacts(ctx, &bidrailv1.PutFactsRequest{Facts: part})
		})
		if err != nil {
			return stored, fmt.Errorf("put facts from the %d. on: %w", put+1, err)
		}
		stored, put = stored+int(response.GetStored()), put+len(part)
	}
	return stored, nil
}
