package web

import (
	"encoding/json"
	"io"
	"net/http"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// personalDataChunk is after how many rows of an export what there is goes out.
const personalDataChunk = 100

// exportPersonalData answers with all that is stored on a person, as a file. It is
// written as it is read, so that it takes as little memory for somebody with a
// long history as for anybody.
func (s *Server) exportPersonalData(w http.ResponseWriter, r *http.Request, userID, name string) error {
	r, cancel := within(r, s.patience.export)
	defer cancel()
	h := w.Header()
	h.Set("Content-Type", jsonFile.mediaType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return s.stream(w, r, personalDataChunk, func(out io.Writer, row func()) error {
		var about auth.User
		o := &jsonObject{out: out, lists: []string{"sessions", "logins", "events"}}
		err := s.personal.EachOfPersonalData(r.Context(), userID, admin.PersonalDataVisitor{
			Person: func(user auth.User) error {
				about = user
				o.field("user", s.userJSON(user))
				return o.field("consent", newConsentJSON(user))
			},
			Session: func(x auth.Session) error { row(); return o.item("sessions", newSessionJSON(x)) },
			Login:   func(x auth.Login) error { row(); return o.item("logins", newLoginJSON(x)) },
			Event:   func(x admin.Event) error { row(); return o.item("events", newEventJSON(x, about)) },
			Identities: func(further []admin.Identity, joined []admin.JoinedPerson) error {
				o.noMoreItems()
				o.field("further_identities", s.newIdentitiesJSON(further))
				list := []joinedJSON{}
				for _, p := range joined {
					list = append(list, joinedJSON{s.userJSON(p.User), newPictureJSON(p.Picture)})
				}
				return o.field("joined", list)
			},
			Following: func(all []auth.Following) error { return o.field("following", s.newFollowingJSON(all)) },
			Access: func(all []admin.Access) error {
				o.field("groups", append([]string{}, about.Groups...))
				return o.field("applications", newAccessJSON(all))
			},
			Rest: func(token *admin.TokenInfo, picture auth.Picture) error {
				o.field("refresh_token", newTokenJSON(token))
				return o.field("picture", newPictureJSON(picture))
			},
		})
		if err != nil {
			return err
		}
		return o.end()
	})
}

// jsonObject writes an object as json.MarshalIndent would: fields one by one, and
// lists among them item by item. Its first error is the last thing it writes.
type jsonObject struct {
	out   io.Writer
	begun bool
	open  string   // the list that items are written to; empty: none
	items bool     // it has some
	lists []string // that are still to come, in this order
	err   error
}

func (o *jsonObject) write(text string) {
	if o.err == nil {
		_, o.err = io.WriteString(o.out, text)
	}
}

// name begins a field.
func (o *jsonObject) name(name string) {
	if o.begun {
		o.write(",")
	} else {
		o.write("{")
	}
	o.begun = true
	o.write("\n  \"" + name + "\": ")
}

func (o *jsonObject) value(value any, indent string) error {
	body, err := json.MarshalIndent(value, indent, "  ")
	if o.err == nil {
		o.err = err
	}
	o.write(string(body))
	return o.err
}

// field writes a field after the lists that have begun.
func (o *jsonObject) field(name string, value any) error {
	o.closeList()
	o.name(name)
	return o.value(value, "  ")
}

// item adds to a list. Those before it that have had no item are empty.
func (o *jsonObject) item(list string, value any) error {
	if o.open != list {
		o.closeList()
		for len(o.lists) > 0 && o.lists[0] != list {
			o.nextList()
			o.closeList()
		}
		o.nextList()
	}
	if o.items {
		o.write(",")
	}
	o.items = true
	o.write("\n    ")
	return o.value(value, "    ")
}

func (o *jsonObject) nextList() {
	o.open, o.lists, o.items = o.lists[0], o.lists[1:], false
	o.name(o.open)
	o.write("[")
}

func (o *jsonObject) closeList() {
	switch {
	case o.open == "":
		return
	case o.items:
		o.write("\n  ]")
	default:
		o.write("]")
	}
	o.open = ""
}

// noMoreItems closes the lists, the empty ones too.
func (o *jsonObject) noMoreItems() {
	o.closeList()
	for len(o.lists) > 0 {
		o.nextList()
		o.closeList()
	}
}

func (o *jsonObject) end() error {
	o.write("\n}\n")
	return o.err
}
