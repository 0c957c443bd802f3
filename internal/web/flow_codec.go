package web

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"io"
	"sync"

	"github.com/gorilla/securecookie"

	"wxlogin/internal/auth"
)

// flowCodec seals a flow into a cookie. gorilla's own codec encodes twice, which makes cookies
// more than half as large again: five logins of applications in one browser, which have
// long addresses, would exceed what servers accept.
type flowCodec struct{ aead cipher.AEAD }

var _ securecookie.Codec = flowCodec{}

func newFlowCodec(key auth.Key) flowCodec {
	block, err := aes.NewCipher(key.Subkey("cookie/flow/v2"))
	if err != nil {
		panic(err) // only for invalid key lengths
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // not for AES
	}
	return flowCodec{aead}
}

// The values of the first byte: how the rest is encoded.
const (
	flowPlain   = 0
	flowDeflate = 1
)

// minDeflated is the length from which a flow is compressed: only applications' addresses
// are worth the allocations.
const minDeflated = 400

// Encode implements securecookie.Codec. The cookie's name is authenticated as well.
func (c flowCodec) Encode(name string, value any) (string, error) {
	text, err := flowSerializer{}.Serialize(value)
	if err != nil {
		return "", err
	}
	text = append([]byte{flowPlain}, text...)
	if len(text) >= minDeflated {
		text = deflate(text[1:])
	}
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nil, nil, text, []byte(name))), nil
}

// Decode implements securecookie.Codec.
func (c flowCodec) Decode(name, value string, dst any) error {
	box, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return errNoFlow
	}
	text, err := c.aead.Open(nil, nil, box, []byte(name))
	if err != nil || len(text) == 0 {
		return errNoFlow
	}
	rest := text[1:]
	if text[0] == flowDeflate {
		reader := flate.NewReaderDict(bytes.NewReader(rest), flowWords)
		if rest, err = io.ReadAll(io.LimitReader(reader, 2*maxReturnTo)); err != nil {
			return errNoFlow
		}
	}
	return flowSerializer{}.Deserialize(rest, dst)
}

var errNoFlow = errors.New("not a flow")

// flowWords is the compression dictionary, made of parts of applications' addresses. Changing
// it invalidates the flows in progress.
var flowWords = []byte("https%3A%2F%2Foauth2callback.com%2F&approval_prompt=force&prompt=login&max_age=&display=page&ui_locales=zh-CN&nonce=&code_challenge_method=S256&code_challenge=" +
	"&response_type=code&scope=openid+profile+email+groups+offline_access&scope=openid%20profile%20email&state=&redirect_uri=https%3A%2F%2F&snsapi_userinfo\n0\nsnsapi_base\n0\n1/oidc/authorize?client_id=")

func deflate(text []byte) []byte {
	out := bytes.NewBuffer([]byte{flowDeflate})
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(out)
	_, _ = w.Write(text) // to memory: never fails
	_ = w.Close()
	return out.Bytes()
}

// deflaters are reused: each takes more than half a megabyte.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriterDict(nil, flate.BestCompression, flowWords)
	if err != nil {
		panic(err) // only for an invalid level
	}
	return w
}}
