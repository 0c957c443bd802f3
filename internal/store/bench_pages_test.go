package store_test

import (
	"cmp"
	"fmt"
	"iter"
	"testing"
	"time"

	"wxlogin/internal/admin"
	"wxlogin/internal/store"
)

// benchSearches are frequent, rare and found nowhere.
var benchSearches = []string{
	"王", "欧", "🧋", "n", "王伟", "欧奇", "小雨", "用户", "Lin", "lin12", "用户12", "用户123456", "Vicky 王小", "王小明天下", "没有这样的人", "zzzz", "00",
	"o000000000000000000000000500", "u000000000000000000000000501", "欧欧",
}

// benchPages are what the admin pages ask of the store, by name.
func benchPages(b *testing.B, s *store.Store, now time.Time) iter.Seq2[string, func() error] {
	ctx := b.Context()
	list := func(q admin.UserQuery) func() error {
		return func() error {
			q.Total = true
			_, err := s.Users(ctx, q)
			return err
		}
	}
	turned := func(q admin.UserQuery, turns int) (next, prev admin.UserQuery) {
		for range turns {
			page, err := s.Users(ctx, q)
			if err != nil {
				b.Fatal(err)
			}
			next, prev = q, q
			next.Cursor, prev.Cursor = page.Next, page.Prev
			if q = next; page.Next == "" {
				break
			}
		}
		return next, prev
	}
	return func(yield func(string, func() error) bool) {
		for _, filter := range admin.Filters {
			sorts := admin.Sorts
			if filter.ByTokenEnd() {
				sorts = sorts[:1] // it has its own
			}
			for _, sort := range sorts {
				q := admin.UserQuery{Filter: filter, Sort: sort}
				name := fmt.Sprintf("filter=%s/sort=%s", cmp.Or(filter, "none"), sort)
				if !yield(name+"/first", list(q)) {
					return
				}
				if next, prev := turned(q, 3); next.Cursor != "" && prev.Cursor != "" {
					if !yield(name+"/next", list(next)) || !yield(name+"/prev", list(prev)) {
						return
					}
				}
			}
		}
		for _, search := range benchSearches {
			for _, sort := range []admin.Sort{admin.SortNewest, admin.SortLongestAgo} {
				q := admin.UserQuery{Search: search, Sort: sort}
				name := fmt.Sprintf("search=%s/sort=%s", search, sort)
				if !yield(name+"/first", list(q)) {
					return
				}
				if next, _ := turned(q, 1); next.Cursor != "" && !yield(name+"/next", list(next)) {
					return
				}
			}
		}
		for _, filter := range []admin.Filter{admin.FilterNoUnionID, admin.FilterBlocked, admin.FilterSeen7d, admin.FilterNeedsLogin, admin.FilterTokenEnds} {
			for _, search := range []string{"王", "王伟", "欧奇", "Lin", "lin12", "用户12", "没有这样的人"} {
				q := admin.UserQuery{Search: search, Filter: filter, Sort: admin.SortLastSeen}
				if !yield(fmt.Sprintf("search=%s/filter=%s", search, filter), list(q)) {
					return
				}
			}
		}
		ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
		span := func(from, to int) admin.Span { return admin.Span{From: ago(from), To: ago(to)} }
		for _, filter := range []admin.Filter{"", admin.FilterNoUnionID, admin.FilterBlocked, admin.FilterSeen7d} {
			for _, sort := range admin.Sorts {
				for name, q := range map[string]admin.UserQuery{
					"first=day":               {First: span(401, 400)},
					"first=year ago":          {First: span(460, 365)},
					"first=this month":        {First: admin.Span{From: ago(30)}},
					"last=year ago":           {Last: span(460, 365)},
					"last=until half a year":  {Last: admin.Span{To: ago(180)}},
					"first=old/last=week":     {First: admin.Span{To: ago(600)}, Last: admin.Span{From: ago(7)}},
					"province=many":           {Province: "广东"},
					"city=few":                {City: "广东29市"},
					"city=many":               {Province: "广东", City: "广东0市"},
					"province=many/last=week": {Province: "广东", Last: admin.Span{From: ago(7)}},
					"province=nowhere":        {Province: "火星"},
					"province=many/search=王":  {Province: "广东", Search: "王"},
				} {
					q.Filter, q.Sort = filter, sort
					if !yield(fmt.Sprintf("%s/filter=%s/sort=%s", name, cmp.Or(filter, "none"), sort), list(q)) {
						return
					}
				}
			}
		}
		for _, days := range []int{30, 90} {
			if !yield(fmt.Sprintf("dashboard/days=%d", days), func() error {
				if _, err := s.Counts(ctx, now.Truncate(24*time.Hour)); err != nil {
					return err
				}
				_, err := s.Activity(ctx, now.AddDate(0, 0, -days))
				return err
			}) {
				return
			}
		}
		page, err := s.Users(ctx, admin.UserQuery{Sort: admin.SortOldest})
		if err != nil {
			b.Fatal(err)
		}
		yield("person", func() error { return benchPerson(b, s, page.Users[0].ID) })
	}
}

func benchPerson(b *testing.B, s *store.Store, id string) error {
	ctx := b.Context()
	_, err := s.User(ctx, id)
	if err == nil {
		_, err = s.UserSessions(ctx, id)
	}
	if err == nil {
		_, err = s.UserLogins(ctx, id, 50)
	}
	if err == nil {
		_, err = s.Token(ctx, id)
	}
	if err == nil {
		_, err = s.Events(ctx, admin.EventQuery{Who: id, Limit: 20})
	}
	if err == nil {
		_, err = s.Admins(ctx, appID)
	}
	return err
}
