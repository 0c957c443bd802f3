package wechatsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// reply is an answer that is not sent yet, so that a fault can still spoil it.
type reply struct {
	status    int
	header    http.Header
	body      []byte
	errcode   int    // WeChat's number, for the log of calls
	parameter string // the wrong parameter
	code      string // the code that was sent to the token endpoint
	outcome   string // of the authorize page, in words
	secret    string // code or token of the call; only its digest is shown
	person    string // key of the person of the call
	appID     string // of the account of the call
	forced    bool   // a forced refresh was requested
	grant     *grant // of an exchange
}

// apiReply returns an answer of api.weixin.qq.com: JSON with the type text/plain, without a
// charset (field reports).
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
