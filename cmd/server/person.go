package main

import (
	"context"
	"fmt"

	"wxlogin/internal/admin"
	"wxlogin/internal/auth"
	"wxlogin/internal/settings"
)

type personCommands struct {
	Join  personJoinCommand  `cmd:"" help:"Make one person of two; the list says what it takes to undo it."`
	Undo  personUndoCommand  `cmd:"" help:"Undo a join: who was joined is a person of their own again."`
	List  personListCommand  `cmd:"" help:"List who may be one person, by their unionid, and what has been joined."`
	Group personGroupCommand `cmd:"" help:"Put a person into a group, or take them out; groups say who may enter an application or a site."`
}

type personGroupCommand struct {
	settings.Settings
	ID   string `arg:"" help:"Id or openid of the person."`
	Do   string `arg:"" enum:"add,remove" help:"add or remove."`
	Name string `arg:"" help:"Name of the group."`
}

func (c *personGroupCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.Settings, func(admins *admin.Service, _ settings.Config) error {
		change, done, already := admins.JoinGroup, "%s is in %s now\n", "%s was in %s already\n"
		if c.Do == "remove" {
			change, done, already = admins.LeaveGroup, "%s is in %s no more\n", "%s was not in %s\n"
		}
		changed, err := change(ctx, admin.CommandLine(), c.ID, c.Name)
		if auth.ReasonOf(err) == auth.NoSuchUser {
			return fmt.Errorf("nobody with the id or openid %q has signed in", c.ID)
		}
		return env.report(clientError(err), changed, done, already, c.ID, c.Name)
	})
}
