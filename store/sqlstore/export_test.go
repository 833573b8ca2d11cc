package sqlstore

import "github.com/bidrail/bidrail/store"

// For the test of query plans, which needs an engine and so cannot be in this package.
const (
	QueryByID         = queryByID
	QueryByKey        = queryByKey
	QueryInput        = queryInput
	QueryDecisionLeaf = queryDecisionLeaf
	QueryLeaves       = queryLeaves

	QueryOpenHolds      = queryOpenHolds
	QueryLaterHold      = queryLaterHold
	ChangeHold          = changeHold
	QueryDuePermits     = queryDuePermits
	QueryAllPermits     = queryAllPermits
	QueryPermitsByState = queryPermitsByState
	ChangePermit        = changePermit
	QueryStrayPermits   = queryStrayPermits
	QueryEvents         = queryEvents
	QueryEpoch          = queryEpoch
	QueryModes          = queryModes

	QueryRegistryEpoch   = queryRegistryEpoch
	QueryRegistryEntries = queryRegistryEntries
	QueryLastVersion     = queryLastVersion

	QueryListReverts = queryListReverts
	RemoveRevert     = removeRevert
	QueryFactList    = queryFactList
	QueryFactsNamed  = queryFactsNamed

	QueryDueApprovals      = queryDueApprovals
	QueryApprovalChanges   = queryApprovalChanges
	ChangeApproval         = changeApproval
	QueryReviews           = queryReviews
	QueryApprovalEvents    = queryApprovalEvents
	QueryLastApprovalEvent = queryLastApprovalEvent
	ForgetAsks             = forgetAsks
	ForgetFields           = forgetFields

	QueryException  = queryException
	QueryWhoseHold  = queryWhoseHold
	QueryExceptions = queryExceptions
	QueryWhatHolds  = queryWhatHolds
	ChangeException = changeException

	QueryAllDeliveries     = queryAllDeliveries
	QueryDeliveriesByState = queryDeliveriesByState
	QueryDueDeliveries     = queryDueDeliveries
	LeaseDelivery          = leaseDelivery
	SettleDelivery         = settleDelivery
	PruneDeliveries        = pruneDeliveries
)

var (
	QueryByKeys = queryByKeys
	QueryLogged = queryLogged
	QueryHashes = queryHashes
	ListQuery   = listQuery

	QueryReverts      = queryReverts
	QueryHeads        = queryHeads
	QueryOlder        = queryOlder
	QueryHolds        = queryHolds
	QueryPermits      = queryPermits
	QueryLoggedEvents = queryLoggedEvents

	QueryFacts = queryFacts

	QueryApprovals     = queryApprovals
	QueryOpenApprovals = queryOpenApprovals
	QuerySuppressions  = querySuppressions
)

// ApprovalQueries is each way to read a list of approvals that the filter leaves: how the entries of the index are counted,
// and how it is read.
func ApprovalQueries(filter store.ApprovalFilter, before int64, limit int) (count, list []Query) {
	for _, lead := range approvalLeads(filter) {
		text, arguments := countLeadQuery(lead, filter, manyEntries)
		count = append(count, Query{text, arguments})
		text, arguments = approvalListQuery(filter, lead, before, limit)
		list = append(list, Query{text, arguments})
	}
	return count, list
}

// Query is a query and its arguments.
type Query struct {
	Text      string
	Arguments []any
}
