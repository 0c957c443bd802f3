package store

import (
	"context"
	"database/sql"
	"slices"

	"wxlogin/internal/store/list"
	"wxlogin/internal/store/sqldb"
)

// People are joined to people who have been joined to others, and the undos come in any
// order. What a join has changed is stored with the person it joined; an undo changes
// these records as if that person had never been joined.

// joinNode is one of the people who have been joined to a person, directly or by way of
// others.
type joinNode struct {
	joinedPerson
	linkedAt int64
	lastAt   int64 // their last login as stored
	touched  bool  // it has to be saved
}

func (n *joinNode) id() string { return n.Person.ID }

// joinTree is all people who have been joined to one person.
type joinTree struct{ nodes []*joinNode }

func readTree(ctx context.Context, tx *sqldb.Tx, userID string) (t joinTree, err error) {
	var rows []struct {
		joinedRow
		LinkedAt int64 `db:"linked_at"`
	}
	err = tx.SelectContext(ctx, &rows, `SELECT joined_people.person, joined_people.came_with, joined_people.rest, joined_people.kept, identities.linked_at
		FROM joined_people JOIN identities ON identities.id = joined_people.identity_id
		WHERE identities.user_id = $1 ORDER BY identities.linked_at, identities.id`, userID)
	if err != nil {
		return t, err
	}
	for _, row := range rows {
		was, err := row.joined()
		if err != nil {
			return t, err
		}
		t.nodes = append(t.nodes, &joinNode{joinedPerson: was, linkedAt: row.LinkedAt, lastAt: was.Person.LastLoginAt})
	}
	return t, nil
}

// of returns the node of an identity; nil for one that was never a person of its own.
func (t joinTree) of(id string) *joinNode {
	i := slices.IndexFunc(t.nodes, func(n *joinNode) bool { return n.id() == id })
	if i < 0 {
		return nil
	}
	return t.nodes[i]
}

// parent returns the person to whom an identity was joined, if that person has been joined
// to another since.
func (t joinTree) parent(id string) (parent *joinNode) {
	for _, n := range t.nodes {
		if slices.Contains(n.CameWith, id) && (parent == nil || len(n.CameWith) < len(parent.CameWith)) {
			parent = n
		}
	}
	return parent
}

// parents returns all people to whom somebody was joined in turn, the first one first.
// Databases from before removeIdentity may have a person who came with themselves.
func (t joinTree) parents(id string) (all []*joinNode) {
	for p := t.parent(id); p != nil && p.id() != id && !slices.Contains(all, p); p = t.parent(p.id()) {
		all = append(all, p)
	}
	return all
}

// after returns the people who were joined to the same person later, in order.
func (t joinTree) after(n *joinNode) (later []*joinNode) {
	parent := t.parent(n.id())
	for _, other := range t.nodes {
		if other != n && other.linkedAt >= n.linkedAt && t.parent(other.id()) == parent {
			later = append(later, other)
		}
	}
	return later
}

// removeIdentity removes an identity that was never a person of its own: it no longer came
// with anybody, and the person it is joined to from now on may have come with it.
func (t joinTree) removeIdentity(id string) {
	for _, n := range t.nodes {
		if slices.Contains(n.CameWith, id) {
			n.CameWith, n.touched = without(n.CameWith, []string{id}), true
		}
	}
}

// blocked is the state that the whole tree implies for the person, unless an admin has set
// another since.
func (t joinTree) blocked() (blocked int) {
	for _, n := range t.nodes {
		blocked = max(blocked, n.Person.Blocked, n.Kept.Blocked)
	}
	return blocked
}

// takeOut removes a person from the join tree, and returns what the person who has them
// must give back. The people to whom they were joined, and those joined later, are then
// stored as if they had never been there, and the two are not proposed again.
func (t joinTree) takeOut(n *joinNode, when int64) keptChange {
	gone := n.Kept
	was := max(n.Kept.LastLoginAt, n.Person.LastLoginAt)
	parents := t.parents(n.id())
	for i, at := range append([]*joinNode{n}, parents...) {
		for _, later := range t.after(at) {
			later.touched = true
			// What the later person would have brought as well stays, and counts as
			// theirs.
			theirs := texts(later.Person.Groups)
			later.Kept.Groups = append(later.Kept.Groups, common(gone.Groups, theirs)...)
			gone.Groups = without(gone.Groups, theirs)
			theirs = later.Rest.open()
			later.Kept.Proposed = append(later.Kept.Proposed, common(gone.Proposed, theirs)...)
			gone.Proposed = without(gone.Proposed, theirs)

			later.Kept.Blocked, gone.Blocked = gone.Blocked, max(gone.Blocked, later.Person.Blocked)
			before := later.Kept.LastLoginAt
			if before == was {
				later.Kept.LastLoginAt = gone.LastLoginAt
			}
			was, gone.LastLoginAt = max(before, later.Person.LastLoginAt), max(later.Kept.LastLoginAt, later.Person.LastLoginAt)
		}
		if i == len(parents) {
			break
		}
		parent := parents[i]
		parent.touched = true
		parent.Person.Groups = jsonList(without(texts(parent.Person.Groups), gone.Groups))
		parent.Rest.Proposals = slices.DeleteFunc(parent.Rest.Proposals, func(p keptProposal) bool {
			return slices.Contains(gone.Proposed, p.Third) && !p.DismissedAt.Valid
		})
		parent.Rest.Proposals = append(parent.Rest.Proposals, dismissed(n.id(), when))
		parent.Person.Blocked = gone.Blocked
		before := parent.Person.LastLoginAt
		if before == was {
			parent.Person.LastLoginAt = gone.LastLoginAt
		}
		was = max(before, parent.Kept.LastLoginAt)
		gone = keptChange{
			Groups: common(gone.Groups, parent.Kept.Groups), Proposed: common(gone.Proposed, parent.Kept.Proposed),
			Blocked: max(gone.Blocked, parent.Kept.Blocked), LastLoginAt: max(parent.Person.LastLoginAt, parent.Kept.LastLoginAt),
		}
		parent.Kept.Groups, parent.Kept.Proposed = without(parent.Kept.Groups, gone.Groups), without(parent.Kept.Proposed, gone.Proposed)
	}
	ids := append([]string{n.id()}, n.CameWith...)
	for _, parent := range parents { // last: parents reads CameWith
		parent.CameWith = without(parent.CameWith, ids)
	}
	return gone
}

// open returns the people proposed to be the same person, except dismissed proposals.
func (r joinedRest) open() (thirds []string) {
	for _, p := range r.Proposals {
		if !p.DismissedAt.Valid {
			thirds = append(thirds, p.Third)
		}
	}
	return thirds
}

// dismissed is a proposal that is not made again.
func dismissed(third string, at int64) keptProposal {
	return keptProposal{Third: third, NotedAt: at, DismissedAt: sql.Null[int64]{V: at, Valid: true}}
}

// write saves the changed nodes, and the last login of their identities.
func (t joinTree) write(ctx context.Context, tx *sqldb.Tx) error {
	for _, n := range t.nodes {
		if !n.touched {
			continue
		}
		if err := writeJoined(ctx, tx, n.joinedPerson); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE identities SET last_login_at = $2 WHERE id = $1 AND last_login_at = $3`, n.id(), n.Person.LastLoginAt, n.lastAt)
		if err != nil {
			return err
		}
	}
	return nil
}

// decided says whether an admin has blocked or unblocked the person, by any of the ids
// that they have had since somebody was joined. A different state decides it too: the act
// may be older than the audit log.
func (t joinTree) decided(ctx context.Context, tx *sqldb.Tx, n *joinNode, kept list.UserRow) (bool, error) {
	if kept.Blocked != t.blocked() {
		return true, nil
	}
	ids := []string{kept.ID}
	for _, parent := range t.parents(n.id()) {
		ids = append(ids, parent.id())
	}
	acts := sqldb.Join(sqldb.SQL(`SELECT COUNT(*) FROM events WHERE action IN ('block', 'unblock') AND at > $1 AND `, n.linkedAt), sqldb.In("subject", ids))
	var count int
	err := tx.GetContext(ctx, &count, acts.Text, acts.Args...)
	return count > 0, err
}

func without(all, some []string) []string {
	left := []string{}
	for _, one := range all {
		if !slices.Contains(some, one) {
			left = append(left, one)
		}
	}
	return left
}

func common(a, b []string) []string { return without(a, without(a, b)) }
