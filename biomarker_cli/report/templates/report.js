"use strict";
(function () {
  var d = document, root = d.documentElement;
  root.classList.add("on");
  function openHash() {
    var at = d.getElementById(decodeURIComponent(location.hash.slice(1)));
    var box = at && at.closest("details.case");
    if (box) { box.open = true; at.scrollIntoView(); }
  }
  addEventListener("hashchange", openHash);
  openHash();
  addEventListener("beforeprint", function () {
    d.querySelectorAll("details").forEach(function (one) { one.open = true; });
  });
  d.querySelectorAll("table.sort").forEach(function (table) {
    var body = table.tBodies[0];
    table.querySelectorAll("thead th").forEach(function (head, place) {
      var button = d.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.textContent = "";
      head.append(button);
      button.addEventListener("click", function () {
        var up = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("th[aria-sort]").forEach(function (h) { h.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        var rows = Array.from(body.rows).map(function (row) { return [row.cells[place].textContent.trim(), row]; });
        rows.sort(function (a, b) {
          var x = Number(a[0]), y = Number(b[0]);
          var by = a[0] && b[0] && x === x && y === y ? x - y : a[0].localeCompare(b[0], undefined, { numeric: true });
          return up ? by : -by;
        });
        body.append.apply(body, rows.map(function (r) { return r[1]; }));
      });
    });
  });
  var data = d.getElementById("report-data"), form = d.getElementById("filters");
  if (!data || !form) { return; }
  var cases = JSON.parse(data.textContent);
  var rows = cases.map(function (c) { return [d.getElementById("row-" + c.anchor), d.getElementById("box-" + c.anchor)]; });
  function filter() {
    var text = form.elements.search.value.trim().toLowerCase(), n = 0;
    cases.forEach(function (c, i) {
      var on = (!text || c.words.indexOf(text) >= 0) &&
        (!form.elements.site.value || form.elements.site.value === c.site) &&
        (!form.elements.standing.value || form.elements.standing.value === c.standing);
      rows[i].forEach(function (one) { if (one) { one.hidden = !on; } });
      n += on ? 1 : 0;
    });
    d.getElementById("shown").textContent = n + " of " + cases.length + " cases shown";
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", function (e) { e.preventDefault(); });
  filter();
})();
