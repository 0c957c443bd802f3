// Makes the admin pages quicker: copies ids, counts the chosen people, and keeps the choice
// for Back and reload. Every page works without it, and all words are on the page already.
(function () {
  "use strict";

  var words = document.currentScript.dataset;

  // Adds a copy button to ids, but not to those in links to a person.
  document.querySelectorAll("code.id").forEach(function (code) {
    if (code.closest("a")) return;
    var button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.title = words.copy;
    button.setAttribute("aria-label", words.copy + " " + code.textContent);
    button.addEventListener("click", function () { copy(code, button); });
    code.after(button);
  });

  var status = document.createElement("p");
  status.className = "hidden";
  status.setAttribute("role", "status");
  document.body.append(status);

  function copy(code, button) {
    function showResult(ok) {
      status.textContent = ok ? words.copied : words.failed;
      button.classList.toggle("copied", ok);
      setTimeout(function () { button.classList.remove("copied"); }, 2000);
    }
    // Old browsers, and pages that come by http, have no navigator.clipboard.
    function byHand() {
      var range = document.createRange();
      range.selectNodeContents(code);
      var selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      try {
        showResult(document.execCommand("copy"));
      } catch (e) {
        showResult(false);
      }
    }
    if (!navigator.clipboard) return byHand();
    navigator.clipboard.writeText(code.textContent).then(function () { showResult(true); }, byHand);
  }

  // The chosen people.
  var bulk = document.getElementById("bulk");
  if (!bulk) return;
  var boxes = Array.from(bulk.querySelectorAll("input[name=id]"));
  var count = bulk.querySelector(".count");
  var all = bulk.querySelector(".all");

  function key() {
    var address = new URL(location.href);
    address.searchParams.delete("pick");
    address.searchParams.delete("done");
    return "chosen " + address.pathname + address.search;
  }

  function chosen() {
    return boxes.filter(function (box) { return box.checked; });
  }

  function showCount() {
    var n = chosen().length;
    count.textContent = n;
    count.classList.add("counted");
    all.textContent = n === boxes.length ? all.dataset.none : all.dataset.all;
  }

  function keep() {
    showCount();
    try {
      sessionStorage.setItem(key(), JSON.stringify(chosen().map(function (box) { return box.value; })));
    } catch (e) {
      // Full or forbidden: Back shows what the browser itself restores.
    }
  }

  function restore() {
    var how = performance.getEntriesByType("navigation")[0];
    var again = how && (how.type === "reload" || how.type === "back_forward");
    if (again && !/[?&]pick=/.test(location.search)) {
      try {
        var ids = JSON.parse(sessionStorage.getItem(key())) || [];
        boxes.forEach(function (box) { box.checked = box.checked || ids.indexOf(box.value) >= 0; });
      } catch (e) {
        // As above.
      }
    }
    keep();
  }

  bulk.addEventListener("change", keep);
  all.addEventListener("click", function (event) {
    event.preventDefault();
    var every = chosen().length < boxes.length;
    boxes.forEach(function (box) { box.checked = every; });
    keep();
  });
  restore();
  // Browsers restore forms too, before now or together with the whole page.
  window.addEventListener("pageshow", keep);
})();
