package list

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"wxlogin/internal/admin"
	"wxlogin/internal/store/sqldb"
)

// endLength is how many characters of an end of a nickname are in nickname_ends.
const endLength = 8

// behind sorts after every text of so many characters.
var behind = strings.Repeat(string(utf8.MaxRune), endLength)

// within selects the ends that begin with a text, or with its first letters: in lower
// case, as the engine itself folds it.
var within = fmt.Sprintf("nickname_ends.ending >= substr(lower($1), 1, %d) AND nickname_ends.ending <= substr(lower($1), 1, %[1]d) || $2", endLength)

// named selects the people that a text identifies in full: by any id that the pages show.
// An openid is unique only within its account, so the accounts are searched one by one.
var named = `SELECT id FROM users WHERE id = $1 UNION ALL SELECT id FROM users WHERE unionid = $1
	UNION ALL SELECT users.id FROM (` + accountsOf("users") + `) AS accounts CROSS JOIN users WHERE users.appid = accounts.appid AND users.openid = $1
	UNION ALL SELECT user_id FROM identities WHERE id = $1 UNION ALL SELECT user_id FROM identities WHERE openid = $1
	UNION ALL SELECT user_id FROM identities WHERE unionid = $1
	UNION ALL SELECT user_id FROM sessions WHERE id = $1 AND user_id IS NOT NULL
	UNION ALL SELECT user_id FROM logins WHERE request_id = $1 AND request_id <> '' AND user_id IS NOT NULL`

// naming selects the ids of those people.
func naming(text string) sqldb.Clause {
	return sqldb.SQL("SELECT DISTINCT id FROM ("+named+") AS whole", text)
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// search adds the condition that a text is part of a person's nickname, or identifies them
// in full.
func (l *Lists) search(ctx context.Context, sel *selection, text string, filter admin.Filter) error {
	var whole []string // mostly nobody, and seldom more than one; as values, so that no planner expects many
	if err := l.db.Select(ctx, &whole, naming(text)); err != nil {
		return err
	}
	condition := sqldb.SQL("users.nickname "+l.db.Like+` $1 ESCAPE '\'`, "%"+likeEscaper.Replace(text)+"%")
	if len(whole) > 0 {
		condition = sqldb.Join(sqldb.SQL("("), condition, sqldb.SQL(" OR "), sqldb.In("users.id", whole), sqldb.SQL(")"))
	}
	condition.Text = l.db.HalfTrue(condition.Text)
	sel.where = append(sel.where, condition)
	if filter == admin.FilterOpenID && len(whole) == 0 {
		// People without a profile have no nickname either, unless they entered one
		// themselves.
		const own = "users.profile_updated_at IS NULL AND users.nickname <> ''"
		sel.own(l.db.Dialect, fewOfUsers, "users_of_own_name", own)
		if l.db.ManyWriters {
			// PostgreSQL estimates from the two conditions that they are many, and scans
			// everybody. With a limit it uses the index.
			sel.candidates[len(sel.candidates)-1].users = fmt.Sprintf("(SELECT * FROM users WHERE %s ORDER BY first_login_at, id LIMIT %d) AS users", own, fewOfUsers)
		}
	}
	// A text that is longer than the stored ends is looked up by its first letters, and
	// also by its last ones, in case fewer people have those.
	letters := []rune(text)
	parts := []string{text}
	if len(letters) > endLength {
		parts = append(parts, string(letters[len(letters)-endLength:]))
	}
	for _, part := range parts {
		args := []any{part, behind}
		ids := sqldb.SQL("SELECT nicknames.user_id AS id FROM nickname_ends CROSS JOIN nicknames WHERE nicknames.n = nickname_ends.n AND "+within, args...)
		if len(whole) > 0 {
			ids = sqldb.Join(ids, sqldb.SQL(" UNION ALL SELECT id FROM users WHERE "), sqldb.In("id", whole))
		}
		var listed sqldb.Clause
		if len(sel.streams) > 0 {
			listed = sqldb.SQL(l.db.HalfTrue("users.id IN ("+ids.Text+")"), ids.Args...)
		}
		sel.candidates = append(sel.candidates, candidateIndex{
			entries: sqldb.SQL("SELECT n FROM nickname_ends WHERE "+within, args...),
			people:  "COUNT(DISTINCT n)", // a nickname that has the text twice has two entries
			exact:   len(parts) == 1 && len(whole) == 0,
			ids:     ids,
			listed:  listed,
			few:     fewOfOther,
		})
	}
	return nil
}
