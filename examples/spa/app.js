"use strict";

// Where wxlogin is: "" for WXLOGIN_PUBLIC_URL=https://login.example.com, "/wx" for
// https://login.example.com/wx.
const wxlogin = "";

start().catch((error) => {
  console.error(error);
  show("trouble");
});

async function start() {
  const answer = await fetch(wxlogin + "/api/me", { headers: { Accept: "application/json" } });
  if (answer.status === 401) {
    const problem = await answer.json();
    location.replace(signIn(problem.login_url));
    return;
  }
  // 503 and the like say nothing about who is signed in: no trip to the login.
  if (!answer.ok) throw new Error("/api/me: " + answer.status);
  show("profile", await answer.json());
}

// signIn returns the address of the login that leads back to this page, including the
// route behind the #, which no server sees. login_url suits every browser.
function signIn(loginURL) {
  const address = new URL(loginURL);
  address.searchParams.set("return_to", location.href);
  return address.href;
}

// A nickname can hold anything, so it is set as text and never as HTML.
function show(name, values = {}) {
  const view = document.getElementById(name).content.cloneNode(true);
  for (const element of view.querySelectorAll("[data-of]")) {
    element.textContent = values[element.dataset.of] ?? "";
  }
  document.getElementById("main").replaceChildren(view);
}
