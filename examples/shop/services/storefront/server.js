'use strict';

const axios = require('axios');
const boom = require('@hapi/boom');
const cookies = require('cookie-parser');
const express = require('express');
const _ = require('lodash');
const minimist = require('minimist');
const moment = require('moment');

const options = minimist(process.argv.slice(2), { default: { port: 8080 } });
const catalogue = process.env.CATALOGUE_URL || 'http://catalogue:8080';
const checkout = process.env.CHECKOUT_URL || 'http://checkout:8080';
const app = express();

app.use(express.json());
app.use(express.urlencoded({ extended: true }));
app.use(cookies(process.env.SESSION_KEY));

function page(title, body) {
  return `<!doctype html><html lang="en"><title>${_.escape(title)}</title><h1>${_.escape(title)}</h1>${body}</html>`;
}

function bearer(request) {
  return { headers: { Authorization: `Bearer ${request.signedCookies.session || ''}` } };
}

app.get('/healthz', (request, response) => response.sendStatus(204));

app.get('/', async (request, response, next) => {
  try {
    const { data } = await axios.get(`${catalogue}/articles`, { params: { search: request.query.search } });
    const rows = data.map((one) => `<li>${_.escape(one.name)}: ${(one.cents / 100).toFixed(2)}</li>`);
    response.send(page('The shop', `<ul>${rows.join('')}</ul><p>${moment().format('dddd, D MMMM')}</p>`));
  } catch (error) {
    next(boom.badGateway('the catalogue does not answer'));
  }
});

app.get('/found', (request, response) => {
  response.send(`<h1>Results for ${request.query.search}</h1>`);
});

app.post('/settings', (request, response) => {
  const settings = _.defaultsDeep({}, request.body, { currency: 'EUR', language: 'en' });
  response.cookie('settings', JSON.stringify(settings)).sendStatus(204);
});

app.post('/order', async (request, response, next) => {
  try {
    const { data } = await axios.post(`${checkout}/order`, {}, bearer(request));
    response.send(page('Thank you', `<p>You paid ${(data.cents / 100).toFixed(2)}.</p>`));
  } catch (error) {
    next(boom.badGateway('the checkout does not answer'));
  }
});

app.use((error, request, response, next) => {
  const { output } = boom.isBoom(error) ? error : boom.internal();
  response.status(output.statusCode).send(page(output.payload.error, `<p>${_.escape(output.payload.message)}</p>`));
});

app.listen(options.port, () => console.log(`storefront listens on ${options.port}`));
