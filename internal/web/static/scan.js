// Waits for the phone: listens to the server's events, or polls every two seconds where these
// do not get through. All words are on the page already.
(function () {
  "use strict";

  var page = document.getElementById("scan");
  var said = document.getElementById("said");
  var addresses = page.dataset;
  var words = said.dataset;
  var loaded = Date.now();
  var source = null; // the stream, while it is open
  var asks = false; // polls instead
  var timer = 0;
  var over = false; // the status can no longer change

  function show(status) {
    if (over || !words[status]) return;
    if (page.dataset.status !== status) {
      page.dataset.status = status;
      said.textContent = words[status];
    }
    over = status === "confirmed" || status === "refused" || status === "expired";
    if (!over) return;
    stop();
    if (status === "confirmed") location.replace(addresses.done);
    if (status === "expired") renew();
  }

  // Shows a new code if the page is visible. A page that ends at once, for example because the
  // browser keeps no cookies, must not reload itself again and again.
  function renew() {
    if (!document.hidden && Date.now() - loaded > 60000) location.replace(addresses.again);
  }

  function listen() {
    var heard = false;
    var patience = setTimeout(function () {
      if (!heard) ask(); // a proxy on the way buffers the events
    }, 6000);
    source = new EventSource(addresses.events);
    source.onmessage = function (event) {
      heard = true;
      clearTimeout(patience);
      show(event.data);
    };
    source.onerror = function () {
      if (source && source.readyState === EventSource.CLOSED) {
        clearTimeout(patience);
        ask();
      }
    };
  }

  function ask() {
    if (over || document.hidden) return;
    stop();
    asks = true;
    fetch(addresses.poll, { headers: { Accept: "application/json" }, cache: "no-store" })
      .then(function (answer) { return answer.ok ? answer.json() : {}; })
      .then(function (answer) { show(answer.status); }, function () {})
      .then(function () {
        if (!over && !document.hidden) timer = setTimeout(ask, 2000);
      });
  }

  function stop() {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  }

  function start() {
    if (over) {
      if (page.dataset.status === "expired") renew();
    } else if (asks || !window.EventSource) {
      ask();
    } else if (!source) {
      listen();
    }
  }

  // Copies the address. WeChat and old browsers on http have no navigator.clipboard.
  function copying() {
    var button = document.getElementById("copy");
    var address = document.getElementById("url");
    var copied = document.getElementById("copied");
    if (!button) return;
    button.parentNode.hidden = false;
    function showResult(ok) {
      copied.textContent = ok ? button.dataset.done : button.dataset.failed;
    }
    function byHand() {
      var range = document.createRange();
      range.selectNodeContents(address);
      var selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      try {
        showResult(document.execCommand("copy"));
      } catch (e) {
        showResult(false);
      }
    }
    button.addEventListener("click", function () {
      if (!navigator.clipboard) return byHand();
      navigator.clipboard.writeText(address.textContent).then(function () { showResult(true); }, byHand);
    });
  }
  copying();

  // The fragment of the address, which browsers keep through a proxy's redirect to this page
  // and no server sees, is added to the return address.
  function keepFragment() {
    var fragment = encodeURIComponent(location.hash);
    if (location.hash.length < 2 || /%23/.test(addresses.done)) return;
    addresses.done += fragment;
    addresses.again += location.hash;
    document.getElementById("url").textContent += fragment;
  }
  keepFragment();

  document.addEventListener("visibilitychange", function () {
    if (document.hidden) stop();
    else start();
  });
  // After Back from the page that it led to, the page shown is an old one.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) location.replace(addresses.again);
  });
  over = page.dataset.status === "refused" || page.dataset.status === "expired";
  if (!document.hidden) start();
})();
