// Command goth is a site at ADDRESS that signs people in by goth's provider of OpenID
// Connect, as Gitea does. Its page is what the library knows of the person who signed in
// last in this browser, or 401; a failed login is 403 with the library's error.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/markbates/goth/providers/openidConnect"
)

func main() {
	address := os.Getenv("ADDRESS")
	provider, err := openidConnect.New(os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"), "http://"+address+"/callback",
		os.Getenv("ISSUER")+"/.well-known/openid-configuration", "openid", "profile", "email")
	if err != nil {
		log.Fatal(err)
	}
	refuse := func(w http.ResponseWriter, what any) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, what)
	}
	http.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		session, err := provider.BeginAuth("a:state of/this+login")
		if err != nil {
			refuse(w, err)
			return
		}
		begun, err := session.GetAuthURL()
		if err != nil {
			refuse(w, err)
			return
		}
		http.Redirect(w, r, begun, http.StatusFound)
	})
	http.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("error") != "" || q.Get("state") != "a:state of/this+login" {
			refuse(w, q.Get("error"))
			return
		}
		session, err := provider.UnmarshalSession("{}")
		if err == nil {
			_, err = session.Authorize(provider, q)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		user, err := provider.FetchUser(session)
		if err != nil {
			refuse(w, err)
			return
		}
		body, _ := json.Marshal(map[string]any{"sub": user.UserID, "name": user.Name, "nick": user.NickName, "email": user.Email, "picture": user.AvatarURL, "claims": user.RawData})
		_, _ = w.Write(body)
	})
	log.Fatal(http.ListenAndServe(address, nil))
}
