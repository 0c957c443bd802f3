package idtoken

// OnlyNearby is the rule for http.
var OnlyNearby = onlyNearby
