"""Background work: receipts by mail, and the search index."""

import os
import smtplib
from email.message import EmailMessage

import jinja2
import requests
from celery import Celery

app = Celery("worker", broker=os.environ.get("BROKER_URL", "redis://redis:6379/0"))
pages = jinja2.Environment(autoescape=False)

RECEIPT = "Dear {{ customer }},\n\nyou paid {{ '%.2f' % (cents / 100) }}. Thank you.\n"


@app.task
def receipt(customer, address, cents):
    """Mail a receipt."""
    message = EmailMessage()
    message["Subject"] = "Your order"
    message["From"] = "shop@example.test"
    message["To"] = address
    message.set_content(pages.from_string(RECEIPT).render(customer=customer, cents=cents))
    with smtplib.SMTP(os.environ.get("MAIL_HOST", "mail"), timeout=10) as server:
        server.send_message(message)


@app.task
def index():
    """Hand the list of articles to the search engine."""
    articles = requests.get(os.environ.get("CATALOGUE_URL", "http://catalogue:8080") + "/articles", timeout=10).json()
    requests.post(os.environ["SEARCH_URL"], json=articles, timeout=30).raise_for_status()


app.conf.beat_schedule = {"index": {"task": "worker.index", "schedule": 600.0}}
