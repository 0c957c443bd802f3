package web

import (
	"encoding/json"
	"io"
	"net/http"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

// personalDataChunk is the number of rows of an export after which the output is flushed.
const personalDataChunk = 100

// exportPersonalData answers with all that is stored on a person, as a file. It streams, so
// that a long history takes no more memory than a short one.
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

// jsonObject writes an object as json.MarshalIndent would: field by field, and its lists item
// by item. After its first error it writes nothing more.
type jsonObject struct {
	out   io.Writer
	begun bool
	open  string   // the list that items are written to; empty: none
	items bool     // the open list has items
	lists []string // the lists that are still to come, in order
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

// field closes the open list and writes a field.
func (o *jsonObject) field(name string, value any) error {
	o.closeList()
	o.name(name)
	return o.value(value, "  ")
}

// item adds an item to a list. Lists before it that got no items are written empty.
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

// noMoreItems closes the open list and writes the remaining ones empty.
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
