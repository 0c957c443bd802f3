package idtoken

// PublishAhead is how long the next key can be read before it signs.
const PublishAhead = publishAhead

// OnlyNearby is the rule for http.
var OnlyNearby = onlyNearby
