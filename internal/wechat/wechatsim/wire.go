package wechatsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// reply is an answer that is made but not yet sent, so that a fault can spoil
// it on the way.
type reply struct {
	status    int
	header    http.Header
	body      []byte
	errcode   int    // WeChat's number, for the log of calls
	parameter string // the one that is wrong
	code      string // the code that was sent to the token endpoint
	outcome   string // what the authorize page came to
	secret    string // code or token of the call; only its digest is shown
	person    string // key of the person it was about
	appID     string // of the account it was about
	forced    bool   // a forced refresh was asked for
	grant     *grant // what an exchange granted
}

// apiReply is an answer of api.weixin.qq.com: JSON that says it is text/plain,
// without a charset (field reports).
func apiReply(body []byte) reply {
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain"}}, body: body}
}

// object writes JSON as WeChat's servers do: keys in a fixed order, slashes as
// \/, non-ASCII bytes as they are, and (field reports) control characters and
// broken UTF-8 unescaped. encoding/json can do none of these.
type object struct{ b strings.Builder }

func (o *object) key(name string) {
	if o.b.Len() == 0 {
		o.b.WriteByte('{')
	} else {
		o.b.WriteByte(',')
	}
	quoted, _ := json.Marshal(name)
	o.b.Write(quoted)
	o.b.WriteByte(':')
}

func (o *object) number(name string, n int) {
	o.key(name)
	fmt.Fprint(&o.b, n)
}

func (o *object) text(name, value string) {
	o.key(name)
	o.b.WriteString(quote(value))
}

func (o *object) list(name string, values []string) {
	o.key(name)
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	o.b.WriteString("[" + strings.Join(quoted, ",") + "]")
}

func (o *object) bytes() []byte { return []byte(o.b.String() + "}") }

var escapes = strings.NewReplacer(`"`, `\"`, `\`, `\\`, `/`, `\/`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`)

func quote(s string) string { return `"` + escapes.Replace(s) + `"` }
