package auth

// Identity is one of the names that WeChat has for a person: the openid is theirs
// within one account. People come by as many as there are accounts.
type Identity struct {
	ID      string // ours; empty for the one that the person first came with
	AppID   string
	OpenID  string
	UnionID string // empty when WeChat gave none
	Scope   Scope  // the widest scope ever granted to this account
}

// Linked is how an identity came to a person who had another.
type Linked string

// The ways. The identity that a person first came with has none.
const (
	LinkedByUnionID Linked = "unionid" // it was new, and its unionid was known
	LinkedByAdmin   Linked = "join"    // an admin joined two people
	LinkedByPerson  Linked = "link"    // the person signed in by both
)

// Joins says whether a unionid can tell that two identities are one person's: 6 to 64
// letters, digits, _ and -, as those of WeChat are. What is no unionid, an empty one
// before all, would make one person of everybody who has it.
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

// Changed says that a unionid is another than the one that was known. That of an
// identity stays what it is, unless its account moves to another Open Platform account
// (official).
func Changed(before, now string) bool { return before != "" && now != "" && before != now }
