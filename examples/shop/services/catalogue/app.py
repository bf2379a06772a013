"""The shop's articles: read from PostgreSQL, served as JSON, loaded from YAML price lists."""

import os

import requests
import yaml
from flask import Flask, jsonify, render_template_string, request
from sqlalchemy import create_engine, text

app = Flask(__name__)
engine = create_engine(os.environ.get("DATABASE_URL", "postgresql://catalogue@postgres:5432/shop"))


@app.route("/healthz")
def healthy():
    """Tell the platform that the process answers."""
    return "", 204


@app.route("/articles")
def articles():
    """List articles, or those whose name holds a word."""
    word = request.args.get("search") or ""
    query = "select number, name, cents from articles where name ilike '%" + word + "%' order by name"
    with engine.connect() as connection:
        rows = connection.execute(text(query)).fetchall()
    return jsonify([{"number": row[0], "name": row[1], "cents": row[2]} for row in rows])


@app.route("/articles/<int:number>/label")
def label(number):
    """Fill in the template of a price label."""
    with engine.connect() as connection:
        row = connection.execute(text("select name, cents from articles where number = :n"), n=number).fetchone()
    if row is None:
        return "no such article", 404
    template = request.args.get("template", "{{ name }}: {{ '%.2f' % (cents / 100) }}")
    return render_template_string(template, name=row[0], cents=row[1])


@app.route("/prices", methods=["POST"])
def prices():
    """Take in a price list, sent or fetched from the address that the body names."""
    source = request.args.get("from")
    body = requests.get(source, timeout=10, verify=False).text if source else request.get_data(as_text=True)
    wanted = yaml.load(body, Loader=yaml.FullLoader) or {}
    with engine.begin() as connection:
        for number, cents in wanted.items():
            connection.execute(text("update articles set cents = :c where number = :n"), c=cents, n=number)
    return jsonify(changed=len(wanted))


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8080, debug=True)
