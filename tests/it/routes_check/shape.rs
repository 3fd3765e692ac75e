//! The object of `--json`, in full.

use insta::assert_snapshot;

use super::{told, workspace};

#[test]
fn the_shape_of_json() {
    let sandbox = workspace(
        "schema_version = 2\n[defaults]\nclaude_model = \"claude-haiku-4-5\"\n[harness.cc]\neffort = \"low\"\n[harness.op.models]\nz = \"zai/glm-5.1\"\n\
         [routes]\ndefault = [\"cc:1-2\", \"nonesuch\"]\nsenior = [\"op:z:1\", \"cx\"]\n\
         [reasoning]\nsenior = \"high\"\n[providers]\nzai = { models = [\"op:z\"], disabled = true }\n",
    );
    std::fs::remove_file(sandbox.bin().join("codex")).unwrap();
    let (out, _) = told(&sandbox, 1, &["--json", "--preview", "1"]);
    // As long as the texts are now.
    let out = regex::Regex::new(r#""tokens": [1-9]\d*"#).unwrap().replace_all(&out, r#""tokens": 0"#);
    assert_snapshot!(out, @r#"
    {
      "v": 1,
      "workspace": "ROOT/repo",
      "loaded": true,
      "routes": [
        {
          "name": "default",
          "file": "CONFIG",
          "line": 9,
          "valid": false,
          "entries": [
            {
              "text": "cc:1-2",
              "harness": "claude",
              "model": "claude-haiku-4-5",
              "effort": "low",
              "quota": {
                "min": 1,
                "max": 2
              },
              "quota_scope": "claude",
              "program": "claude",
              "found": "ROOT/bin/claude"
            },
            {
              "text": "nonesuch",
              "harness": null,
              "model": null,
              "effort": null,
              "quota": null,
              "quota_scope": null,
              "program": null,
              "found": null
            }
          ]
        },
        {
          "name": "senior",
          "file": "CONFIG",
          "line": 10,
          "valid": true,
          "entries": [
            {
              "text": "op:z:1",
              "harness": "opencode",
              "model": "zai/glm-5.1",
              "effort": null,
              "quota": {
                "min": 1,
                "max": 1
              },
              "quota_scope": "provider:zai",
              "program": "opencode",
              "found": "ROOT/bin/opencode"
            },
            {
              "text": "cx",
              "harness": "codex",
              "model": null,
              "effort": null,
              "quota": null,
              "quota_scope": "codex",
              "program": "codex",
              "found": null
            }
          ]
        }
      ],
      "mix": {
        "source": "built-in",
        "used": false,
        "name": "default",
        "file": null,
        "line": null,
        "valid": true,
        "entries": [
          {
            "text": "cc",
            "harness": "claude",
            "model": "claude-haiku-4-5",
            "effort": "low",
            "quota": {
              "min": 1,
              "max": 1
            },
            "quota_scope": "claude",
            "program": "claude",
            "found": "ROOT/bin/claude"
          },
          {
            "text": "cx:2",
            "harness": "codex",
            "model": null,
            "effort": null,
            "quota": {
              "min": 2,
              "max": 2
            },
            "quota_scope": "codex",
            "program": "codex",
            "found": null
          }
        ]
      },
      "providers": [
        {
          "name": "zai",
          "file": "CONFIG",
          "line": 14,
          "disabled": true,
          "members": [
            {
              "harness": "opencode",
              "model": "zai/glm-5.1"
            }
          ]
        }
      ],
      "reasoning": [
        {
          "role": "senior",
          "preference": "high",
          "file": "CONFIG",
          "line": 12
        }
      ],
      "roles": [
        {
          "name": "junior",
          "tokens": 0,
          "source": null,
          "advisory": null
        },
        {
          "name": "recovery",
          "tokens": 0,
          "source": null,
          "advisory": null
        },
        {
          "name": "senior",
          "tokens": 0,
          "source": null,
          "advisory": null
        },
        {
          "name": "ui",
          "tokens": 0,
          "source": null,
          "advisory": null
        },
        {
          "name": "verify",
          "tokens": 0,
          "source": null,
          "advisory": null
        }
      ],
      "errors": [
        {
          "file": "CONFIG",
          "line": 9,
          "key": "routes.default",
          "message": "[routes].default: \"nonesuch\": unknown agent alias \"nonesuch\"; known are ag, cc, cx, ge, op"
        }
      ],
      "warnings": [
        {
          "file": "CONFIG",
          "line": 10,
          "key": "routes.senior",
          "message": "[routes].senior: \"cx\" needs codex, which is not in PATH; install it, or take the entry out"
        }
      ],
      "infos": [
        {
          "file": "CONFIG",
          "line": 14,
          "key": "providers.zai.disabled",
          "message": "[providers].zai is disabled; passed over: [routes].senior \"op:z:1\""
        }
      ],
      "preview": [
        {
          "lane": "senior",
          "role": "senior",
          "relay": null,
          "passed_over": [
            {
              "entry": "op:z:1",
              "harness": "opencode",
              "model": "zai/glm-5.1",
              "effort": null,
              "why": "disabled",
              "provider": "zai",
              "until": null
            }
          ],
          "picks": [
            {
              "entry": "cx",
              "harness": "codex",
              "model": null,
              "effort": "high",
              "wait_until": null
            }
          ],
          "end": null
        }
      ]
    }
    "#);
}
