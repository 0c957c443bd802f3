package main

import (
	"context"
	"fmt"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
)

type personCommands struct {
	Group personGroupCommand `cmd:"" help:"Put a person into a group, or take them out; groups say who may enter an application or a site."`
}

type personGroupCommand struct {
	settings
	ID   string `arg:"" help:"Id or openid of the person."`
	Do   string `arg:"" enum:"add,remove" help:"add or remove."`
	Name string `arg:"" help:"Name of the group."`
}

func (c *personGroupCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.settings, func(admins *admin.Service, _ config) error {
		change, done, already := admins.JoinGroup, "is in "+c.Name+" now", "was in "+c.Name+" already"
		if c.Do == "remove" {
			change, done, already = admins.LeaveGroup, "is in "+c.Name+" no more", "was not in "+c.Name
		}
		changed, err := change(ctx, admin.CommandLine(), c.ID, c.Name)
		if auth.ReasonOf(err) == auth.NoSuchUser {
			return fmt.Errorf("nobody with the id or openid %q has signed in", c.ID)
		}
		return report(env.stdout, clientError(err), changed, done, already, c.ID)
	})
}
