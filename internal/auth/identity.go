package auth

// Identity is one of WeChat's names for a person: their openid within one account. A person
// can have one for each account.
type Identity struct {
	ID      string // ours; empty for the person's first one
	AppID   string
	OpenID  string
	UnionID string // empty when WeChat gave none
	Scope   Scope  // the widest scope that the person ever granted to this account
}

// Linked is how a further identity came to a person.
type Linked string

// The ways. A person's first identity has none.
const (
	LinkedByUnionID Linked = "unionid" // the openid was new and its unionid was known
	LinkedByAdmin   Linked = "join"    // an admin joined two people
	LinkedByPerson  Linked = "link"    // the person signed in with both
)

// Joins says whether a unionid is good enough to join identities by: 6 to 64 letters,
// digits, _ and -, as WeChat's are. Anything else, above all an empty text, would make one
// person of everybody who has it.
func Joins(unionID string) bool {
	if len(unionID) < 6 || len(unionID) > 64 {
		return false
	}
	for _, c := range []byte(unionID) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Changed says whether a unionid differs from the known one. An identity keeps its unionid
// unless its account moves to another Open Platform account (official).
func Changed(before, now string) bool { return before != "" && now != "" && before != now }
