package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"wxlogin/internal/auth"
)

// town makes up people who came over two years, a third of them without a
// profile or a unionid, a few blocked; with one device, one and a half logins
// and, mostly, one token each. The same number gives the same town.
type town struct {
	*rand.Rand
	now   time.Time
	n     int
	token []any // the row of the person before
	seen  int64
}

// Frequent in names, most frequent first.
var (
	surnames = []rune("王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛阎段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤欧")
	given    = []rune("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国文辉力民永健世广志义兴良海山仁波宁贵福生龙元全国胜学祥才发武新利清飞彬富顺信子杰涛昌成康星光天达安岩中茂进林有坚和彪博诚先敬震振壮会思群豪心邦承乐绍功松善厚庆磊民友裕河哲江超浩亮政谦亨奇固之轮翰朗伯宏言若鸣朋斌梁栋维启克伦翔旭鹏泽晨辰士以建家致树炎德行时泰盛雄琛钧冠策腾楠榕风航弘小雨雪花月梦星晴云霏糖果奶茶猫狗熊兔鱼鸟草木叶春夏秋冬东南西北阳光微笑快乐幸福平凡人生路上的你我他不是一个在有这大来")
	latin    = []string{"Lin", "Tom", "anna", "Sky", "coco", "Leo", "mia", "Jack", "amy", "Echo", "kk", "Ivy", "Ray", "sunny", "Leon", "Vicky"}
	emoji    = []string{"🌸", "🧋", "😀", "🐱", "✨", "🇨🇳", "👨‍👩‍👧"}
)

// often picks the first more often than the last.
func (t *town) often(from []rune) string {
	f := t.Float64()
	return string(from[int(f*f*float64(len(from)))])
}

func (t *town) nickname() string {
	switch k := t.IntN(100); {
	case k < 55:
		name := t.often(surnames)
		for range 1 + t.IntN(4) {
			name += t.often(given)
		}
		return name
	case k < 75:
		return latin[t.IntN(len(latin))] + fmt.Sprint(t.IntN(10_000))
	case k < 85:
		return "用户" + fmt.Sprint(100_000+t.IntN(900_000))
	case k < 95:
		return latin[t.IntN(len(latin))] + " " + t.often(surnames) + t.often(given) + emoji[t.IntN(len(emoji))]
	}
	return ""
}

func uuid7(ms int64, r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-7%03x-8%03x-%012x", ms>>16, ms&0xffff, a&0xfff, a>>12&0xfff, b&0xffffffffffff)
}

func (t *town) hash() string { return auth.Hash(auth.Secret(uuid7(0, t.Rand))) }

const year = 365 * 24 * time.Hour

// person returns a row of users, and keeps that of the token.
func (t *town) person(i int) []any {
	first := t.now.Add(-2*year).UnixMilli() + int64(float64(i)/float64(t.n)*float64((2*year-time.Minute).Milliseconds()))
	t.seen = first + int64(t.Float64()*t.Float64()*float64(t.now.UnixMilli()-first))
	id := uuid7(first, t.Rand)
	var unionID, profileAt any
	if t.IntN(10) >= 3 {
		unionID = fmt.Sprintf("u%027d", i)
	}
	nickname, scope := "", auth.ScopeBase
	if t.IntN(10) >= 3 {
		nickname, scope, profileAt = t.nickname(), auth.ScopeUserinfo, first
	}
	// WeChat has told of places until half the time.
	province, city := "", ""
	if i < t.n/2 {
		province = []string{"广东", "广东", "江苏", "浙江", "四川", "", "", "青海"}[t.IntN(8)]
		if province != "" {
			city = fmt.Sprintf("%s%d市", province, int(30*t.Float64()*t.Float64()))
		}
	}
	blocked := 0
	if t.IntN(1000) == 0 {
		blocked = 1
	}
	t.token = nil
	if t.IntN(10) > 0 {
		var dead any
		if t.IntN(50) == 0 {
			dead = "40030"
		}
		t.token = []any{id, string(scope), strings.Repeat("s", 180), "k1", t.seen, t.seen + (30 * 24 * time.Hour).Milliseconds(), dead, nil}
	}
	return []any{id, appID, fmt.Sprintf("o%027d", i), unionID, nickname, 0, "zh_CN", "", province, city, "https://thirdwx.qlogo.cn/mmopen/vi_32/" + strings.Repeat("x", 80) + "/132",
		"[]", string(scope), blocked, first, t.seen, profileAt, 1 + t.IntN(9)}
}

const agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.44(0x18002c2f) NetType/WIFI Language/zh_CN"

func (t *town) session(userID string, at int64) []any {
	return []any{uuid7(at, t.Rand), t.hash(), "visitor", userID, at, at, t.now.Add(180*24*time.Hour).UnixMilli() - t.Int64N(1e9), "192.0.2.1", agent}
}

// login is one of the last 184 days; one in fifty went wrong.
func (t *town) login(userID string, i, n int) []any {
	span := (184 * 24 * time.Hour).Milliseconds()
	at := t.now.UnixMilli() - span + int64(float64(i)/float64(n)*float64(span))
	outcome, reason, errcode, step := "signed_in", "", 0, ""
	var who any = userID
	switch t.IntN(100) {
	case 0:
		outcome, reason, errcode, step, who = "failed", string(auth.CodeSpent), 40163, "code", nil
	case 1:
		outcome, reason, step, who = "failed", string(auth.Snapshot), "person", nil
	}
	return []any{uuid7(at, t.Rand), appID, nil, nil, t.hash(), "snsapi_userinfo", outcome, reason, who, at, at + 200, "192.0.2.1", agent, errcode, step}
}

// fill fills an empty database with n people.
func fill(b *testing.B, ctx context.Context, raw *sql.DB, n int, now time.Time) {
	t := &town{Rand: rand.New(rand.NewPCG(1, 2)), now: now, n: n}
	var ids []string
	var seen []int64
	var tokens [][]any
	put(b, ctx, raw, "users", "id,appid,openid,unionid,nickname,sex,language,country,province,city,avatar_url,privilege,scope,blocked,first_login_at,last_login_at,profile_updated_at,login_count", n, func(i int) []any {
		row := t.person(i)
		ids, seen = append(ids, row[0].(string)), append(seen, t.seen)
		if t.token != nil {
			tokens = append(tokens, t.token)
		}
		return row
	})
	put(b, ctx, raw, "tokens", "user_id,scope,refresh_token,kid,issued_at,ends_at,dead_reason,due_at", len(tokens), func(i int) []any { return tokens[i] })
	put(b, ctx, raw, "sessions", "id,token_hash,kind,user_id,created_at,last_seen_at,ends_at,remote_addr,user_agent", n, func(i int) []any { return t.session(ids[i], seen[i]) })
	put(b, ctx, raw, "logins", "id,appid,state_hash,code_hash,session_hash,scope,outcome,reason,user_id,started_at,finished_at,remote_addr,user_agent,errcode,step", n*3/2, func(i int) []any { return t.login(ids[t.IntN(n)], i, n*3/2) })
	put(b, ctx, raw, "admins", "appid,openid,granted_at", 10, func(i int) []any { return []any{appID, fmt.Sprintf("o%027d", i*n/10), i} })
	put(b, ctx, raw, "events", "id,at,actor,action,subject,detail", n/50, func(i int) []any {
		at := now.UnixMilli() - int64(n-i)
		return []any{uuid7(at, t.Rand), at, "admin-link", "block", ids[t.IntN(n)], ""}
	})
}

// put inserts rows in the way that is quickest on the engine.
func put(b *testing.B, ctx context.Context, raw *sql.DB, table, columns string, n int, row func(i int) []any) {
	b.Helper()
	names := strings.Split(columns, ",")
	conn, err := raw.Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return nil
		}
		_, err := pg.Conn().CopyFrom(ctx, pgx.Identifier{table}, names, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil }))
		n = 0
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	const most = 100 // rows of one statement
	values := "(" + strings.TrimSuffix(strings.Repeat("?,", len(names)), ",") + ")"
	for _, pragma := range []string{"PRAGMA synchronous = OFF", "PRAGMA cache_size = -2000000", "BEGIN"} {
		if n == 0 {
			return
		}
		if _, err := conn.ExecContext(ctx, pragma); err != nil {
			b.Fatal(err)
		}
	}
	full, err := conn.PrepareContext(ctx, "INSERT INTO "+table+" ("+columns+") VALUES "+strings.TrimSuffix(strings.Repeat(values+",", most), ","))
	if err != nil {
		b.Fatal(err)
	}
	defer full.Close()
	for i := 0; i < n; i += most {
		var args []any
		for j := i; j < min(i+most, n); j++ {
			args = append(args, row(j)...)
		}
		if n-i >= most {
			_, err = full.ExecContext(ctx, args...)
		} else {
			_, err = conn.ExecContext(ctx, "INSERT INTO "+table+" ("+columns+") VALUES "+strings.TrimSuffix(strings.Repeat(values+",", n-i), ","), args...)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		b.Fatal(err)
	}
}
