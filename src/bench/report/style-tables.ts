/**
 * Heat maps, tables, findings and the reproducibility block. A scrolling box holds its sticky parts, so the
 * head of a table that always scrolls (`many`) does not stick.
 */
export const TABLE_CSS = `
.heat{display:block;text-align:center;border-radius:5px;padding:2px 6px;min-width:52px;font-size:13px;font-variant-numeric:tabular-nums;color:var(--heat-ink);
background:color-mix(in oklab,var(--heat-hi) calc(max(0%, (var(--s) - 50%) * 2)),color-mix(in oklab,var(--heat-mid) min(100%, calc(var(--s) * 2)),var(--heat-lo)))}
.heat.none{background:none;color:var(--faint)}
.heat.missing{color:var(--soft);background:repeating-linear-gradient(-45deg,var(--grid) 0 4px,transparent 4px 8px)}
.heat.apart{color:var(--faint);background:none;border:1px dashed var(--line)}
table{border-collapse:collapse;font-size:14px}
th{font-weight:500;text-align:left}
thead th{color:var(--soft);font-size:12.5px}
th.num{text-align:right}
th.arm{text-align:center}
.categories{background:var(--panel);border:1px solid var(--line);border-radius:10px;border-collapse:separate;border-spacing:0;width:100%;min-width:calc(250px + 76px * var(--arms));table-layout:fixed}
.scroll:has(>.categories){overflow-x:auto}
.categories th:first-child{width:30%}
.categories thead th.num{width:64px}
.categories .arm,.checks .arm{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.categories th,.categories td{padding:5px 8px}
.categories th:first-child{padding-left:16px}
.categories td:last-child,.categories th:last-child{padding-right:16px}
.categories thead th{padding-top:10px;border-bottom:1px solid var(--line)}
.categories tfoot th,.categories tfoot td{border-top:1px solid var(--line);padding-bottom:9px;text-align:center}
.categories tfoot th{text-align:left}
.filters{display:flex;flex-wrap:wrap;gap:6px;margin:0 0 12px}
.filters input{position:absolute;opacity:0;pointer-events:none}
.filters label{padding:3px 12px;border:1px solid var(--line);border-radius:14px;background:var(--panel);font-size:13px;color:var(--soft);cursor:pointer}
.filters label b{font-weight:600;color:var(--ink)}
.filters input:checked+label{background:var(--accent);border-color:var(--accent);color:var(--panel)}
.filters input:checked+label b{color:inherit}
.filters input:focus-visible+label{outline:2px solid var(--accent);outline-offset:2px}
.tasks:has(#f-unsolved:checked) .task:not([data-flags~=unsolved]),.tasks:has(#f-differ:checked) .task:not([data-flags~=differ]),.tasks:has(#f-findings:checked) .task:not([data-flags~=findings]),.tasks:has(#f-missing:checked) .task:not([data-flags~=missing]){display:none}
.tasks .grid{background:var(--panel);border:1px solid var(--line);border-radius:10px}
.row{display:grid;grid-template-columns:minmax(190px,2fr) minmax(110px,1.1fr) 92px repeat(var(--arms),minmax(56px,1fr));gap:0 6px;align-items:center;padding:3px 14px;font-size:14px}
.row.head{position:sticky;top:0;z-index:1;padding:9px 14px 7px;background:var(--panel);border-bottom:1px solid var(--line);border-radius:10px 10px 0 0;color:var(--soft);font-size:12.5px}
.row.head .arm{text-align:center;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.task+.task{border-top:1px solid var(--grid)}
summary{cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
.task summary:hover{background:color-mix(in oklab,var(--accent) 6%,transparent)}
summary:focus-visible{outline:2px solid var(--accent);outline-offset:-2px;border-radius:6px}
.id::before,.finding summary::before{content:"›";display:inline-block;width:10px;margin-right:6px;text-align:center;color:var(--faint);transition:transform .12s}
[open]>summary .id::before,.finding[open] summary::before{transform:rotate(90deg)}
.category{color:var(--soft);font-size:13px}
.badges{display:flex;gap:5px;justify-content:flex-end;align-items:center}
.flag{color:var(--timeout);font-size:13px}
.detail{padding:8px 16px 16px 28px;overflow-x:auto;background:color-mix(in oklab,var(--bg) 55%,var(--panel));border-top:1px solid var(--grid)}
.checks{margin:4px 0 14px}
.checks th,.checks td{padding:2px 4px}
.checks tbody th{padding-right:18px;min-width:150px;max-width:440px;font-weight:400}
.checks thead .arm{max-width:120px;min-width:64px;padding:0 6px}
.samples .num{white-space:nowrap;padding-left:8px}
.samples{width:100%;font-size:13px}
.samples th,.samples td{padding:3px 10px 3px 0;vertical-align:top;border-top:1px solid var(--grid)}
.samples thead th{border-top:0}
.samples code,.samples .mono{color:var(--soft);font-size:12px;overflow-wrap:anywhere}
.reason{color:var(--soft)}
.findings{margin:10px 0 4px;padding:0;list-style:none;font-size:13.5px}
.findings li{padding:2px 0}
.finding{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:7px 14px;margin-bottom:6px}
.finding summary .code{font-weight:600;margin-right:12px}
.repro{display:grid;grid-template-columns:170px minmax(0,1fr);gap:5px 18px;margin:0 0 18px;padding:16px 20px;background:var(--panel);border:1px solid var(--line);border-radius:10px;font-size:14px}
.repro dt{color:var(--soft)}
.repro dd{margin:0;overflow-wrap:anywhere}
.repro pre.command{background:var(--bg)}
#reproducibility .hint{margin-top:14px}
.many{overflow-x:auto}
.many .grid{width:calc(420px + 76px * var(--arms))}
.many .samples{width:auto}
.many .checks thead .arm{max-width:76px}
.many .row.head{position:static}
.many .categories th:first-child{width:240px}
@media (max-width:820px){.tasks .grid{min-width:640px}.row.head{position:static}.repro{grid-template-columns:1fr}}
`;
