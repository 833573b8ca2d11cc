// Package formats reads the updates that automations send to ad platforms, in the platforms' own JSON, as the changes that Bidrail
// judges, and writes changes as such updates. It is pure: no network, no files, no clock.
//
//	context, err := formats.ParseContext(described)      // the account, and what holds now
//	payload, err := formats.Read(formats.GoogleAds, body, context)
//	...                                                  // check payload.Changes()
//	allowed := payload.Emit(func(operation int) bool { return everyChangeIsAllowed(payload.Operations[operation]) })
//
// # What it promises
//
// Nothing passes through unjudged. What Read returns accounts for every member of every operation: each is a change, or what says which
// entity it is, or the payload is refused with an error that names the operation and the member. Creating, removing, unknown types of
// operation, unknown fields, update masks with paths that are not understood, two members of one name and two spellings of one name are
// refused.
//
// An operation lands whole, so its changes share an atomic_group_id: where one of them may not be made, none may.
//
// Amounts are read as the decimals that they are written as and never go through a float. NaN, exponents, signs, more digits than the
// currency's unit has, and amounts that do not fit 64 bits are refused. The units of ISO 4217, of Google and of Meta are three different
// things.
//
// Absent, no limit and zero are three different values. Where a platform reads zero, null or a field that is not there as no limit, that
// is what the change says. Where it is not established what a platform makes of them they are refused.
//
// What a payload does not say comes from the [Context]. What the context does not know has no value before, and the rules block it.
//
// Emit keeps the bytes of what it keeps. What it writes reads as those operations again. Write is the way back from changes; what it
// writes reads as the same changes.
//
// # What is understood
//
// docs/formats.md has the fields of each platform and the kinds that they are. They come from:
//
//   - Google Ads: google/ads/googleads/v22 to v25 of github.com/googleapis/googleapis (resources, common/bidding.proto,
//     services/google_ads_service.proto), and developers.google.com/google-ads/api/rest/design/json-mappings
//   - Amazon Sponsored Products: the OpenAPI file of version 3, SponsoredProducts_prod_3p.json, which
//     advertising.amazon.com/API/docs/en-us/sponsored-products/3-0/openapi/prod links to
//   - Meta: developers.facebook.com/documentation/ads-commerce/marketing-api/bidding/overview/budgets and the reference of ad sets and
//     campaigns; the offsets of currencies as of April 2024; facebook/facebook-python-business-sdk
//   - Microsoft: learn.microsoft.com/en-us/advertising/campaign-management-service (UpdateCampaigns, UpdateAdGroups, UpdateKeywords)
//   - TikTok: github.com/tiktok/tiktok-business-api-sdk, version 1.3 of the API
package formats
