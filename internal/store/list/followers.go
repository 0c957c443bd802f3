package list

import "wxlogin/internal/store/sqldb"

// follow adds the condition on what WeChat has answered about a person: that they follow
// an official account (1), or that they do not follow one (0) and follow no other.
func (sel *selection) follow(d sqldb.Dialect, answer int) {
	answered := func(answer int) sqldb.Clause {
		return sqldb.SQL("EXISTS (SELECT 1 FROM followers WHERE followers.user_id = users.id AND followers.follows = $1"+d.RowByRow()+")", answer)
	}
	ids := sqldb.SQL("SELECT user_id AS id FROM followers"+d.IndexedBy("followers_by_answer")+" WHERE follows = $1", answer)
	sel.where = append(sel.where, answered(answer))
	if answer == 0 {
		sel.where = append(sel.where, sqldb.Join(sqldb.SQL("NOT "), answered(1)))
	}
	sel.candidates = append(sel.candidates, candidateIndex{
		entries: ids,
		people:  "COUNT(DISTINCT id)", // somebody may follow several
		exact:   answer == 1,
		ids:     ids,
		few:     fewOfOther,
	})
}
