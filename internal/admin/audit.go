package admin

import (
	"context"

	"wxlogin/internal/auth"
)

// Entries of the audit log for what other packages do.

// RecordExport records that an admin exported people's data.
func (s *Service) RecordExport(ctx context.Context, by Actor, subject, detail string) error {
	return s.record(ctx, by, ActExport, subject, detail)
}

// RecordMigration records that an account migration has begun or ended.
func (s *Service) RecordMigration(ctx context.Context, by Actor, action Action, detail string) error {
	return s.record(ctx, by, action, "", detail)
}

// RecordSignOut records that a browser let in by a link has signed out. For other actors it
// writes nothing: an admin signs out like any visitor.
func (s *Service) RecordSignOut(ctx context.Context, by Actor) error {
	if by.kind != byLink {
		return nil
	}
	return s.record(ctx, by, ActSignOut, "", "")
}

// RecordSignIn records that an admin has signed in as themselves. For anybody else it writes
// nothing.
func (s *Service) RecordSignIn(ctx context.Context, v *auth.Visit) error {
	if !s.MayEnter(v) {
		return nil
	}
	return s.store.AddEvent(ctx, s.event(Self(v), ActSignIn, v.User.ID, v.Session.Device.RemoteAddr))
}

// RecordIdentityClash records that a login was refused because WeChat named two people in
// it.
func (s *Service) RecordIdentityClash(ctx context.Context, device auth.Device) error {
	return s.store.AddEvent(ctx, s.event(Actor{name: ActorWeChat}, ActIdentityClash, "", device.RemoteAddr))
}

func (s *Service) record(ctx context.Context, by Actor, action Action, subject, detail string) error {
	if err := by.admin(); err != nil {
		return err
	}
	return s.store.AddEvent(ctx, s.event(by, action, subject, detail))
}

func (s *Service) event(by Actor, action Action, subject, detail string) Event {
	return Event{ID: auth.NewID(), At: s.now(), Actor: by.name, Action: action, Subject: subject, Detail: detail}
}
