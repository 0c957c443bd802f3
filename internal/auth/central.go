package auth

import "time"

// Issued is something that WeChat gives an account for a while: its access token, or
// the ticket that signs pages.
type Issued struct {
	Value    Secret
	Lifetime time.Duration // as of WeChat's answer
}

// Follower says whether somebody follows (关注) an official account.
type Follower struct {
	Follows bool
	Since   time.Time // zero: WeChat did not tell
	Scene   string    // how they came to: WeChat's ADD_SCENE_…; may be empty
}
