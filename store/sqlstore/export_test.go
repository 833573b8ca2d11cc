package sqlstore

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
)

var (
	QueryByKeys = queryByKeys
	QueryLogged = queryLogged
	QueryHashes = queryHashes
	ListQuery   = listQuery

	QueryHeads        = queryHeads
	QueryOlder        = queryOlder
	QueryHolds        = queryHolds
	QueryPermits      = queryPermits
	QueryLoggedEvents = queryLoggedEvents
)
