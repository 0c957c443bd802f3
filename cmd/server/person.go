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

// mostListed limits how many joins and how many proposals are printed.
const mostListed = 200

type personJoinCommand struct {
	settings.Settings
	Kept  string `arg:"" help:"Id or openid of the person who keeps their id."`
	Other string `arg:"" help:"Id or openid of the other; whoever knows them by their id meets somebody new."`
}

func (c *personJoinCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.Settings, func(admins *admin.Service, _ settings.Config) error {
		kept, err := personID(ctx, admins, c.Kept)
		if err != nil {
			return err
		}
		other, err := personID(ctx, admins, c.Other)
		if err != nil {
			return err
		}
		if kept == other {
			return fmt.Errorf("%q and %q are one person already", c.Kept, c.Other)
		}
		if err := admins.Join(ctx, admin.CommandLine(), kept, other); err != nil {
			return err
		}
		env.answer("%s and %s are one person now: %s\n", c.Kept, c.Other, kept)
		env.answer("To take it back: server person undo %s\n", other)
		return nil
	})
}

func personID(ctx context.Context, admins *admin.Service, name string) (string, error) {
	id, err := admins.PersonID(ctx, name)
	if auth.ReasonOf(err) == auth.NoSuchUser {
		return "", fmt.Errorf("nobody with the id or openid %q has signed in", name)
	}
	return id, err
}

type personUndoCommand struct {
	settings.Settings
	Join string `arg:"" help:"Id of the join, the second word of its line in the list."`
}

func (c *personUndoCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.Settings, func(admins *admin.Service, _ settings.Config) error {
		err := admins.UndoJoin(ctx, admin.CommandLine(), c.Join)
		if auth.ReasonOf(err) == auth.NoSuchJoin {
			return fmt.Errorf("nothing was joined as %q, or it has been undone; see: server person list", c.Join)
		}
		if err != nil {
			return err
		}
		env.answer("%s is a person of their own again\n", c.Join)
		return nil
	})
}

type personListCommand struct{ settings.Settings }

func (c *personListCommand) Run(ctx context.Context, env *environment) error {
	return withAdmins(ctx, &c.Settings, func(admins *admin.Service, config settings.Config) error {
		latest := admin.JoinQuery{Limit: mostListed}
		proposals, err := admins.Proposals(ctx, latest)
		if err != nil {
			return err
		}
		joins, err := admins.Joins(ctx, latest)
		if err != nil {
			return err
		}
		env.remarkIf(len(proposals.Proposals)+len(joins.Joins) == 0, "nobody is proposed as one person with somebody else, and nobody has been joined")
		for _, p := range proposals.Proposals {
			env.answer("proposed\t%s\t%s\tunionid %s\t%s\t%s\n", p.Kept.ID, p.Other.ID, p.UnionID, p.Kept.Nickname, p.Other.Nickname)
		}
		for _, j := range joins.Joins {
			on := j.LinkedAt.In(config.Zone).Format("2006-01-02 15:04")
			env.answer("joined\t%s\tto the person %s\tby %s on %s\t%s %s\t%s\n", j.ID, j.Person.ID, j.Linked, on, j.AppID, j.OpenID, j.Person.Nickname)
		}
		return nil
	})
}
