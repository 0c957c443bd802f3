package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"

	"wxlogin/internal/auth"
)

// Names, phones, addresses and places of the demonstration's people. The addresses are
// those reserved for examples (RFC 5737).
var (
	seedSurnames = strings.Fields("王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 高 林 罗 郑 梁 谢 宋 唐 许 邓 冯 韩 曹 曾 彭 萧 蔡 潘 田 董 袁 于 余 叶 蒋 杜 苏 魏 程 吕 丁 沈 任 姚 卢 傅 钟 姜 崔 谭 廖 范 汪 陆 金 石 戴 贾 韦 夏 邱 方 侯 邹 熊 孟 秦 白 江 阎 薛 尹 段 雷 黎 史 龙 陶 贺 顾 毛 郝 龚 邵 万 钱 严 欧阳 上官")
	seedGiven    = strings.Fields("伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀英 霞 平 刚 桂英 子涵 梓萱 一诺 浩宇 欣怡 宇轩 诗涵 梦琪 雨泽 思远 嘉懿 天佑 文博 雪儿 晓东 建国 婷婷 志强 海燕 春梅 玉兰 佳慧 俊杰 思琪 若曦 沐辰 景行 知远")
	seedNames    = strings.Fields("云淡风轻 追风少年 一米阳光 不吃香菜 今天也要早睡 半糖去冰 山有木兮 星河滚烫 橘子汽水 慢慢来 向日葵 海阔天空 等风来 平平淡淡才是真 静水流深 芝麻汤圆 小熊软糖 奶茶续命 打工人 早起的虫儿 南风知我意 麦田守望者 老地方见 花开富贵 岁月静好 知足常乐 幸福一家人 大白菜 土豆炖牛肉 火锅底料 糖醋排骨 西红柿炒蛋 小鹿乱撞 月半弯 拾光 木子 阿杰 阿May 大刘 老周 小鱼儿 豆豆妈 朵朵爸爸 乐乐妈妈 辰辰爸 米粒 可乐不加冰 七月流火 听雨 归途 北城以北 南山南 深海 清风徐来 墨染 初见 浅浅 阿狸 皮卡丘本丘 鱼丸粗面 Momo Tina Kevin Jessica Leo Vivian Echo Yuki Sunny Jason.L Coco陈 Mr.Wang luna zzz XX")
	seedEnds     = []string{"", "", "", "", "", "", "", "", "🌸", "🍊", "☀️", "🐳", "🎈", "~", "🍀", "💪", "🌙", "🐱"}
	seedPlaces   = [][2]string{{"浙江", "杭州"}, {"广东", "深圳"}, {"四川", "成都"}, {"上海", "浦东新区"}, {"湖北", "武汉"}, {"江苏", "苏州"}, {"福建", "厦门"}, {"陕西", "西安"}}
	seedNetworks = []string{"192.0.2", "198.51.100", "203.0.113"}
	seedPhones   = []string{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.59(0x18003b2e) NetType/WIFI Language/zh_CN",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.54(0x1800362c) NetType/4G Language/zh_CN",
		"Mozilla/5.0 (Linux; Android 15; 24129PN74C Build/AQ3A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.6723.103 Mobile Safari/537.36 XWEB/1300409 MMWEBSDK/20250503 MicroMessenger/8.0.60.2860(0x28003C55) WeChat/arm64 NetType/5G Language/zh_CN",
		"Mozilla/5.0 (Linux; Android 14; V2339A Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260183 MMWEBSDK/20241202 MicroMessenger/8.0.56.2800(0x28003858) WeChat/arm64 NetType/WIFI Language/zh_CN",
		"Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile MicroMessenger/1.0.10.48 NetType/WIFI Language/zh_CN",
	}
	seedDesktops = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
	}
)

func (s *seeder) nickname() string {
	switch n := s.rand.IntN(100); {
	case n < 45:
		return pick(s, seedNames) + pick(s, seedEnds)
	case n < 80:
		return pick(s, seedSurnames) + pick(s, seedGiven)
	case n < 88:
		return "A" + pick(s, seedGiven) + pick(s, []string{"水果批发", "房产", "美甲", "二手车", "烘焙", "家电维修"}) + pick(s, seedEnds)
	case n < 92:
		return fmt.Sprintf("%s%d", pick(s, []string{"user", "快乐", "wx", "风"}), 10+s.rand.IntN(9000))
	}
	return "微信用户"
}

// seedSkies are the colours of sky, sun and hills in the pictures.
var seedSkies = [][3]color.RGBA{
	{{0xbf, 0xe3, 0xf5, 255}, {0xff, 0xf4, 0xc2, 255}, {0x5b, 0x9a, 0x68, 255}},
	{{0xff, 0xd9, 0xb8, 255}, {0xf2, 0x6b, 0x4e, 255}, {0x4a, 0x4e, 0x69, 255}},
	{{0x1f, 0x2a, 0x4d, 255}, {0xf5, 0xf1, 0xd6, 255}, {0x0f, 0x17, 0x2e, 255}},
	{{0xe9, 0xe4, 0xf5, 255}, {0xff, 0xb4, 0xc6, 255}, {0x8f, 0x7f, 0xb5, 255}},
	{{0xd8, 0xee, 0xe2, 255}, {0xff, 0xd1, 0x66, 255}, {0x11, 0x8a, 0x7e, 255}},
	{{0xf6, 0xef, 0xe2, 255}, {0xc4, 0x3d, 0x3d, 255}, {0x6b, 0x70, 0x5c, 255}},
	{{0xcf, 0xd8, 0xe6, 255}, {0xff, 0xff, 0xff, 255}, {0x3d, 0x5a, 0x80, 255}},
}

// views is how many different pictures there are; people share them.
const views = 40

// picture draws a view of hills for a person, or reuses one.
func (s *seeder) picture(p *seeded) auth.Picture {
	if len(s.views) < views {
		s.views = append(s.views, s.view())
	}
	body := pick(s, s.views)
	return auth.Picture{UserID: p.openID, Source: p.profile.AvatarURL, Type: "image/png", Body: body, ETag: auth.Hash(string(body)), CopiedAt: p.joined}
}

func (s *seeder) view() []byte {
	const size = 80
	sky := pick(s, seedSkies)
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{sky[0], sky[1], sky[2]})
	sunX, sunY, sun := 20+s.rand.Float64()*40, 18+s.rand.Float64()*20, 7+s.rand.Float64()*7
	hill, wave, shift := 46+s.rand.Float64()*16, 4+s.rand.Float64()*9, s.rand.Float64()*6
	for y := range size {
		for x := range size {
			switch {
			case float64(y) > hill+wave*math.Sin(float64(x)/13+shift)+wave/2*math.Sin(float64(x)/5+shift*2):
				img.Pix[y*size+x] = 2
			case math.Hypot(float64(x)-sunX, float64(y)-sunY) < sun:
				img.Pix[y*size+x] = 1
			}
		}
	}
	var body bytes.Buffer
	png.Encode(&body, img) // writing to memory does not fail
	return body.Bytes()
}
