package sqlstore

// For the test of query plans, which needs an engine and so cannot be in this package.
const (
	QueryByID         = queryByID
	QueryByKey        = queryByKey
	QueryInput        = queryInput
	QueryDecisionLeaf = queryDecisionLeaf
	QueryLeaves       = queryLeaves
)

var (
	QueryByKeys = queryByKeys
	QueryLogged = queryLogged
	QueryHashes = queryHashes
	ListQuery   = listQuery
)
