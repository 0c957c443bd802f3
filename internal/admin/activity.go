package admin

import (
	"time"

	"wxlogin/internal/auth"
)

// Counts are the numbers on the dashboard.
type Counts struct {
	Users       int64
	NewUsers    int64 // since; some may have been erased by now
	Logins      int64 // since; sign-ins, not silent trips of unknown people
	Sessions    int64 // alive
	Snapshots   int64 // since; snapshot visitors turned away
	Failures    int64 // since; logins that failed for another reason
	BlockedUser int64
	Since       time.Time
}

// SlotCount is how often something happened within one QuarterHour.
type SlotCount struct {
	At      time.Time // its beginning
	Errcode int64     // of a count of errcodes
	Count   int64
}

// QuarterHour is how fine things are counted over time: the offset of every
// clock zone is a multiple of it, so that the counts add up to days in any.
const QuarterHour = 15 * time.Minute

// Activity is what went on since a moment.
type Activity struct {
	Logins   []SlotCount // sign-ins
	NewUsers []SlotCount
	Errcodes []SlotCount  // WeChat's refusals, by number
	Troubles []auth.Login // the latest of what went wrong, newest first
	// LastGood is when WeChat last said who somebody is; zero: not within the time.
	LastGood time.Time
	// LastError is the latest login that failed at WeChat; the zero Login: none.
	LastError auth.Login
	// EndingTokens are how many refresh_tokens die within a week, unless their
	// people come.
	EndingTokens Total
}
