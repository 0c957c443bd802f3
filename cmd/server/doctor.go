package main

import (
	"context"

	"wxlogin/internal/auth"
	"wxlogin/internal/doctor"
	"wxlogin/internal/settings"
	"wxlogin/internal/wechat"
)

type doctorCommand struct {
	settings.Settings
	Offline bool     `help:"Leave out what needs the network."`
	Explain []string `help:"Explain these numbers of WeChat's (10003, 40125 …) and check nothing." placeholder:"N"`
	Numbers []string `arg:"" optional:"" name:"number" help:"The same as --explain."`
}

// Help is the text of --help below the list of flags.
func (*doctorCommand) Help() string {
	return "Each line is ok, warn, FAIL, or skip for what was not checked or cannot be told from here; → says what to do. The exit code is 1 when anything fails."
}

func (c *doctorCommand) Run(ctx context.Context, env *environment) error {
	if numbers := append(c.Explain, c.Numbers...); len(numbers) > 0 {
		return doctor.Explain(env.stdout, env.words, numbers)
	}
	return doctor.Examine(ctx, doctor.Config{
		Settings: &c.Settings,
		Client: func(config settings.Config, account auth.Account) *wechat.Client {
			return wechatClient(config, account, nil)
		},
		Offline: c.Offline,
		Words:   env.words,
	}, env.stdout)
}
