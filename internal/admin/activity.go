package admin

import (
	"time"

	"wxlogin/internal/auth"
)

// Counts are the numbers on the dashboard.
type Counts struct {
	Users       int64
	NewUsers    int64 // since; some may have been erased
	Logins      int64 // since; sign-ins, without silent trips of unknown people
	Sessions    int64 // that are alive
	Snapshots   int64 // since; snapshot visitors turned away
	Failures    int64 // since; logins that failed for another reason
	BlockedUser int64
	Since       time.Time
}

// SlotCount is how often something happened in one QuarterHour.
type SlotCount struct {
	At      time.Time // its beginning
	Errcode int64     // of a count of errcodes
	Count   int64
}

// QuarterHour is the resolution of counts over time. The offset of every time zone is a
// multiple of it, so the counts add up to days in any zone.
const QuarterHour = 15 * time.Minute

// Activity is what has happened since a moment.
type Activity struct {
	Logins   []SlotCount // sign-ins
	NewUsers []SlotCount
	Errcodes []SlotCount  // WeChat's refusals, by errcode
	Troubles []auth.Login // the latest failed logins, newest first
	// LastGood is when WeChat last identified a person; zero: not since that moment.
	LastGood time.Time
	// LastError is the latest login that failed at WeChat; the zero Login: none.
	LastError auth.Login
	// EndingTokens is how many refresh_tokens end within a week, unless their people log
	// in.
	EndingTokens Total
}
